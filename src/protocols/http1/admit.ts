// What an HTTP/1 request must satisfy before it is routed: the forms of its target (RFC 9112 §3.2), then what all versions share.
import { isIPv6 } from "node:net";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { admitContext, type AdmissionOptions, type ConnectionEnds } from "../http/admit.ts";
import { Field } from "../http/field-names.ts";
import type { HttpHead } from "../http/head.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { isConnect } from "./request-traits.ts";

/** Brings the request into the form in which it is routed and forwarded; a failure when it must be refused. */
export function admit(ex: Exchange, head: HttpHead, ends: ConnectionEnds, options: AdmissionOptions): Failure | null {
  if (ex.tunnel === Tunnel.direct) return admitConnect(ex, head, ends, options);
  const problem = normaliseTarget(head);
  return problem === null ? admitContext(ex, head, ends, options) : new Failure(problem);
}

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?]*)(.*)$/;
const AUTHORITY = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

// Origin form passes as it is; absolute form (a forward proxy's diet) moves its authority into Host (RFC 9112 §3.2.2).
function normaliseTarget(head: HttpHead): Cause | null {
  const first = head.bytes[head.base + head.targetStart];
  if (isConnect(head)) return causes.requestMethodUnsupported;
  if (first === 0x2f) return checkHost(head);
  const target = head.target;
  if (target === "*") return head.method === "OPTIONS" ? checkHost(head) : causes.requestTarget;
  const match = ABSOLUTE.exec(target);
  if (match === null) return causes.requestTarget;
  const authority = match[1] as string;
  if (!AUTHORITY.test(authority)) return causes.requestTarget;
  const rest = match[2] as string;
  head.newHost = authority;
  head.newTarget = rest.startsWith("/") ? rest : `/${rest}`;
  return null;
}

const CONNECT_TARGET = /^(?:[A-Za-z0-9._~-]+|\[([0-9A-Fa-f:.]+)\]):([1-9]\d{0,4})$/;
const LAST_PORT = 65_535;

// RFC 9112 §3.2.3: host and port, nothing else; and no body, since where it ended the tunnel would have to begin. What a caller says of
// names counts for nothing here: where its bytes may go is decided by those who run the proxy.
function admitConnect(ex: Exchange, head: HttpHead, ends: ConnectionEnds, options: AdmissionOptions): Failure | null {
  const target = CONNECT_TARGET.exec(head.target);
  if (target === null || Number(target[2]) > LAST_PORT) return new Failure(causes.requestTarget);
  if (target[1] !== undefined && !isIPv6(target[1])) return new Failure(causes.requestTarget);
  if (head.chunked || head.contentLength >= 0) return new Failure(causes.connectBody);
  const problem = checkHost(head);
  if (problem !== null) return new Failure(problem);
  const failure = admitContext(ex, head, ends, options);
  ex.localDtab = "";
  return failure;
}

// A missing Host is the identifier's business (it may not need one); an invalid one is nobody's.
function checkHost(head: HttpHead): Cause | null {
  const field = head.find(Field.host);
  if (field < 0) return null;
  const { bytes, base } = head;
  const end = base + head.valueEnd(field);
  for (let i = base + head.valueStart(field); i < end; i++) {
    const byte = bytes[i] as number;
    // Characters that end a host elsewhere (RFC 3986 gen-delims but `:`, `[`, `]`), spaces and list commas.
    if (byte <= 32 || byte === 44 || byte === 47 || byte === 63 || byte === 64 || byte === 92 || byte === 35) {
      return causes.requestHost;
    }
  }
  return null;
}
