// What a telemeter that traces tells of an HTTP request.
import type { MessageHead } from "../../core/message-head.ts";
import { type RequestWords, shortened } from "../../telemetry/traced-request.ts";
import type { HttpMessage } from "./message.ts";

/** @param head of a request of HTTP, of any version. */
export function requestWords(head: MessageHead): RequestWords {
  const { host, method, target, version } = head as HttpMessage; // the router's server half speaks HTTP
  const query = target.indexOf("?");
  return {
    method: shortened(method),
    uri: shortened(target, query < 0 ? target.length : query),
    host: shortened(host),
    version,
  };
}

/** Of a protocol that has no such words. */
export function noWords(): RequestWords {
  return { method: "", uri: "", host: "", version: "" };
}
