// `Upgrade: h2c` (RFC 7540 §3.2; RFC 9113 §3.1 keeps the token reserved): the request that asks becomes the first stream.
import { Field } from "../../protocols/http/field-names.ts";
import { ConnectionFlag, type HttpHead } from "../../protocols/http/head.ts";
import { namedByConnection } from "../../protocols/http/hop-by-hop.ts";
import { Indexing, plainField } from "../../protocols/http2/codec/header-field.ts";
import type { Http2Head } from "../../protocols/http2/head.ts";

const SETTINGS_FIELD = "http2-settings";
const SETTING_BYTES = 6;
const BASE64URL = /^[\w-]*={0,2}$/;
/** Fields that end with the HTTP/1 connection. */
const ENDING = new Set([
  "connection",
  "upgrade",
  SETTINGS_FIELD,
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "te",
  "host",
]);

/** The client's settings, when the request asks for h2c as it should; null when it does not, or asks for something else. */
export function offerOf(head: HttpHead): Buffer | null {
  if ((head.connection & ConnectionFlag.upgrade) === 0 || head.host === "" || !asksForHttp2(head)) return null;
  const { target } = head;
  if (!target.startsWith("/") && target !== "*") return null; // a proxy's form of it, which HTTP/1 brings to its own
  let written: string | null = null;
  for (let field = 0; field < head.count; field++) {
    if (head.name(field).toLowerCase() !== SETTINGS_FIELD) continue;
    if (written !== null) return null;
    written = head.value(field);
  }
  if (written === null || !BASE64URL.test(written)) return null;
  const settings = Buffer.from(written, "base64url");
  return settings.length % SETTING_BYTES === 0 ? settings : null;
}

function asksForHttp2(head: HttpHead): boolean {
  const field = head.find(Field.upgrade);
  return (
    field >= 0 &&
    head
      .value(field)
      .split(",")
      .some((protocol) => protocol.trim() === "h2c")
  );
}

/** A request of HTTP/1 as HTTP/2 would have sent it. */
export function headOf(request: HttpHead, head: Http2Head): Http2Head {
  const add = (name: string, value: string): void => {
    head.list.add(plainField(name, value, Indexing.without), Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  };
  add(":method", request.method);
  add(":scheme", "http");
  add(":authority", request.host);
  add(":path", request.target);
  for (let field = 0; field < request.count; field++) {
    const name = request.name(field).toLowerCase();
    if (!ENDING.has(name) && !namedByConnection(request, field)) add(name, request.value(field));
  }
  return head;
}
