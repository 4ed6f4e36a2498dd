// One dispatch of an exchange to one endpoint.
import type { BodySink, BodySource } from "./body.ts";
import type { Exchange } from "./exchange.ts";
import type { MessageHead } from "./message-head.ts";
import type { Failure } from "./failure.ts";
import type { Staged } from "./filter.ts";
import type { Limit } from "./limit.ts";
import { Outcome } from "./outcome.ts";

/** The upstream half of one attempt: sink of the request's body, source of the answer's. */
export interface Upstream extends BodySink, BodySource {
  /** What is sent to it no longer arrives; the attempt is about to end. */
  readonly deaf: boolean;
  /** Stops the work: HTTP/1 closes the connection, HTTP/2 resets the stream, Mux sends Tdiscarded. */
  cancel(attempt: Attempt, why: Failure): void;
  /** The answer whose head has just come is not wanted. Of the connection is kept what can be kept cheaply. Tells the owner nothing more. */
  discard(attempt: Attempt): void;
}

/** What a session reports of an attempt. Exactly one of `failed`, `finished`, `broke` ends it. */
export interface AttemptOwner {
  /** The answer's head has arrived. Returns where its body goes, or null when nobody wants it. */
  answered(attempt: Attempt, head: MessageHead): BodySink | null;
  /** No answer will come. */
  failed(attempt: Attempt, failure: Failure): void;
  /** The answer is complete. Called before the sink's `end`, so that the session is free again when that returns. */
  finished(attempt: Attempt): void;
  /** The answer broke off after its head. */
  broke(attempt: Attempt, failure: Failure): void;
}

/** Levels of `Attempt.stages`. */
export const AttemptLevel = { endpoint: 0 } as const;

/** One dispatch of an exchange to one endpoint; pooled. Two may live at once (hedging, not used yet); only the winner may answer. */
export class Attempt implements Staged {
  generation = 0;
  readonly stages = [0];
  exchange: Exchange | null = null;
  owner: AttemptOwner | null = null;
  /** The session working on it, once it has one. */
  upstream: Upstream | null = null;
  /** Who keeps it waiting for a session. */
  waitingIn: { abandon(attempt: Attempt): void } | null = null;
  /** Was the session used before? Then the peer may close it just as we write (the stale-reuse race). */
  reused = false;
  startMs = 0;
  /** Milliseconds to the answer's head; NaN before that. */
  latencyMs = Number.NaN;
  status = 0;
  /** What the service itself made of the call (gRPC: `grpc-status`), -1 before it was told. Set by the protocol before it tells the owner. */
  callStatus = -1;
  failure: Failure | null = null;
  outcome: Outcome = Outcome.success;
  /** Has failure accrual heard how it went? */
  judged = false;
  /** It was answered and goes on, as a tunnel: how long says nothing of the endpoint. */
  lasting = false;
  limit: Limit<Attempt> | null = null;

  reset(): void {
    this.generation++;
    this.stages[0] = 0;
    this.exchange = null;
    this.owner = null;
    this.upstream = null;
    this.waitingIn = null;
    this.reused = false;
    this.latencyMs = Number.NaN;
    this.status = 0;
    this.callStatus = -1;
    this.failure = null;
    this.outcome = Outcome.success;
    this.judged = false;
    this.lasting = false;
    this.limit?.lift();
  }
}
