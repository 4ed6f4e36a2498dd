// Answers by which a service says that it has not worked on a request (finagle §6.4, linkerd1 §2.1.7).
import type { Exchange } from "../../core/exchange.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { Nack } from "../../core/nack.ts";
import { isStreamed } from "./classifiers.ts";

/** What a 503 says of it. */
export function nackOf(ex: Exchange, head: MessageHead): Nack {
  if (head.get("finagle-http-nonretryable-nack") !== undefined) return Nack.final;
  const told = head.get("finagle-http-nack") !== undefined;
  if (!told && head.get("retry-after") !== "0") return Nack.none;
  if (isStreamed(ex)) return Nack.final; // nobody has the body any longer
  return told ? Nack.retryable : Nack.hinted;
}
