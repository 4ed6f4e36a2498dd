// What may become a tunnel: requests that offer another protocol (RFC 9110 §7.8), and CONNECT.
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { Field } from "../http/field-names.ts";
import { ConnectionFlag, Framing, HttpHead } from "../http/head.ts";
import { isConnect } from "./request-traits.ts";

/** What a server lets its callers ask for. */
export interface TunnelPolicy {
  /** Names of protocols in lower case; `*` stands for all. */
  readonly upgrades: ReadonlySet<string>;
  readonly connect: boolean;
}

/** Nothing of the kind. */
export const noTunnels: TunnelPolicy = { upgrades: new Set(), connect: false };

/** HTTP/2 has a way of its own, which ends here (`bridges/http1-http2/upgrade`). */
const NEVER = new Set(["h2c", "h2", ""]);

/** Sees whether the request asks for a tunnel, and may. An offer that is not passed on is none: the request is one like any other. */
export function readOffer(ex: Exchange, head: HttpHead, policy: TunnelPolicy): void {
  if (isConnect(head)) {
    // In HTTP/1.0, too: so it is asked for by Python's http.client before 3.12, and by nc.
    if (policy.connect) become(ex, Tunnel.direct);
    return;
  }
  if (policy.upgrades.size === 0 || !mayOffer(head)) return;
  head.offer = offered(head)
    .filter((protocol) => policy.upgrades.has(nameOf(protocol)) || policy.upgrades.has("*"))
    .join(", ");
  if (head.offer !== "") become(ex, Tunnel.offered);
}

// What it does at the service is not known, so it is sent there once.
function become(ex: Exchange, tunnel: Tunnel): void {
  ex.tunnel = tunnel;
  ex.idempotent = false;
  ex.safe = false;
}

// A body would have to be sent before the service has agreed, and its end looked for in what may be another protocol by then.
function mayOffer(head: HttpHead): boolean {
  if (head.minor === 0 || head.framing !== Framing.none) return false;
  return (head.connection & ConnectionFlag.upgrade) !== 0 && (head.connection & ConnectionFlag.close) === 0;
}

/** `websocket`, `name/version`: RFC 9110 §7.8. */
const PROTOCOL = /^[!#$%&'*+.^_`|~\w-]+(?:\/[!#$%&'*+.^_`|~\w-]+)?$/;

function offered(head: HttpHead): string[] {
  const list: string[] = [];
  for (let field = head.find(Field.upgrade); field >= 0; field = head.findNext(Field.upgrade, field)) {
    list.push(...protocolsOf(head.value(field)));
  }
  return list.filter((protocol) => PROTOCOL.test(protocol) && !NEVER.has(protocol));
}

function protocolsOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((protocol) => protocol.trim());
}

function nameOf(protocol: string): string {
  return protocol.split("/", 1)[0] as string;
}

/** Why a 101 cannot be: it was not asked for, or does not name one protocol that was offered. */
export function switchProblem(ex: Exchange, answer: HttpHead): Cause | null {
  const request = ex.request;
  if (ex.tunnel !== Tunnel.offered || !(request instanceof HttpHead)) return causes.upgradeUnasked;
  const field = answer.find(Field.upgrade);
  if (field < 0 || answer.findNext(Field.upgrade, field) >= 0) return causes.upgradeProtocol;
  if ((answer.connection & ConnectionFlag.upgrade) === 0 || answer.minor === 0) return causes.upgradeProtocol;
  const [protocol, ...more] = protocolsOf(answer.value(field));
  const known = more.length === 0 && protocolsOf(request.offer).includes(protocol as string);
  return known ? null : causes.upgradeProtocol;
}
