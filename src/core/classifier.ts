// What is made of an answer, or of its absence (linkerd1 §6.7, finagle §4.6): protocols bring the kinds, policy acts on the verdict.
import type { Exchange } from "./exchange.ts";
import type { Failure } from "./failure.ts";
import type { MessageHead } from "./message-head.ts";

/** `undecided`: only the end of the answer will tell, as gRPC does in its trailers. */
export const Verdict = { success: 0, failure: 1, retryable: 2, undecided: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** One kind, with its parameters. Keeps nothing per exchange. */
export interface Classifier {
  /** As configured: `io.l5d.http.nonRetryable5XX`. */
  readonly kind: string;
  /** Some of its verdicts wait for the end of the answer. */
  readonly late: boolean;
  /** Some failures are worth another try to it. */
  readonly retries: boolean;
  /**
   * By the head of an answer.
   * @param callStatus what the service itself made of the call, where the head tells it already; -1 otherwise.
   */
  answer(ex: Exchange, status: number, head: MessageHead, callStatus: number): Verdict;
  /** Of an answer that was undecided and is complete. @param callStatus -1 when it was never told. */
  end(ex: Exchange, callStatus: number): Verdict;
  /** What a failure says of the next try: after so many ms; 0 nothing, -1 that there shall be none. @param told the head, or the trailers. */
  pushbackMs(told: MessageHead): number;
  /** There was no answer, or not all of it. Success and undecided are no verdicts here. */
  failed(ex: Exchange, failure: Failure): Verdict;
}
