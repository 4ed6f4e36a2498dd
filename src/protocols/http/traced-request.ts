// What a telemeter that traces tells of an HTTP request.
import type { MessageHead } from "../../core/message-head.ts";
import type { RequestWords } from "../../telemetry/traced-request.ts";
import type { HttpMessage } from "./message.ts";

/** Longer texts are cut: what a caller sends must not fill the memory of many requests that are kept. */
const MAX_LENGTH = 1000;

/** @param head of a request of HTTP, of any version. */
export function requestWords(head: MessageHead): RequestWords {
  const { host, method, target, version } = head as HttpMessage; // the router's server half speaks HTTP
  const query = target.indexOf("?");
  return {
    method: cut(method),
    uri: cut(query < 0 ? target : target.slice(0, query)),
    host: cut(host),
    version,
  };
}

function cut(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text;
}

/** Of a protocol that has no such words. */
export function noWords(): RequestWords {
  return { method: "", uri: "", host: "", version: "" };
}
