// Small things that most plug-ins want.
import type { Exchange } from "../core/exchange.ts";
import { Down } from "../core/filter.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Outcome } from "../core/outcome.ts";
import { refused } from "../router/request-filters.ts";
import type { HttpMessage } from "../protocols/http/message.ts";

/** What a filter answers to stop a request: `return refuse(ex, 403, "no ticket")`. Callers of HTTP see the status, the words, and `proxy.plugin.refused`. */
export function refuse(ex: Exchange, status: number, message: string): Down {
  ex.failure = refused({ status, message });
  ex.outcome = Outcome.failure;
  return Down.answered;
}

/** The head of a request as HTTP has it. In routers of another protocol it is something else. */
export function httpRequest(ex: Exchange): HttpMessage {
  return ex.request as HttpMessage; // of http and h2 routers
}

const FRAMING = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Adds a field to a request on its way down, or to an answer on its way up (HTTP). */
export function addField(head: MessageHead, name: string, value: string): void {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
  if (FRAMING.has(name.toLowerCase()))
    throw new TypeError(`${name} says how messages are sent, which is the proxy's business`);
  // What ends a line would begin another header, or a body; and heads are written as Latin-1.
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value))
    throw new TypeError(`the value of ${name} has a character that no header may have`);
  (head as HttpMessage).addField(name, value);
}
