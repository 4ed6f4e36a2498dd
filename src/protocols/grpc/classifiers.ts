// Which gRPC calls failed, by the status their service told, and which of those are worth another try (linkerd1 §6.7).
import { type Classifier, Verdict } from "../../core/classifier.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { mayPass } from "../http/classifiers.ts";
import { GrpcStatus, grpcStatusOf } from "./status.ts";

/** A `responseClassifier` of the kinds `io.l5d.h2.grpc.*`. */
export interface GrpcClassifierSpec {
  readonly kind: string;
  readonly successStatusCodes?: readonly number[] | undefined;
  readonly retryableStatusCodes?: readonly number[] | undefined;
}

const PREFIX = "io.l5d.h2.grpc.";

/** A classifier by gRPC status; null for kinds that are none. */
export function grpcClassifier(spec: GrpcClassifierSpec): Classifier | null {
  if (!spec.kind.startsWith(PREFIX)) return null;
  const successes = new Set<number>(spec.successStatusCodes ?? [GrpcStatus.ok]);
  switch (spec.kind.slice(PREFIX.length)) {
    case "default":
      return new ByStatus(spec.kind, successes, new Set([GrpcStatus.unavailable]), NO_HTTP);
    case "compliant":
      return new ByStatus(spec.kind, successes, new Set([GrpcStatus.unavailable]), UNAVAILABLE_HTTP);
    case "alwaysRetryable":
      return new ByStatus(spec.kind, successes, null, EVERY_HTTP);
    case "neverRetryable":
      return new ByStatus(spec.kind, successes, new Set(), NO_HTTP);
    default:
      return new ByStatus(spec.kind, successes, new Set(spec.retryableStatusCodes), NO_HTTP);
  }
}

/** Statuses of HTTP that gRPC reads as UNAVAILABLE where a proxy answered for the service (gRPC: http-grpc-status-mapping.md). */
const UNAVAILABLE_HTTP: (status: number) => boolean = (status) =>
  status === 429 || status === 502 || status === 503 || status === 504;
const NO_HTTP = () => false;
const EVERY_HTTP = () => true;

const PUSHBACK = /^\d{1,9}$/;

class ByStatus implements Classifier {
  readonly kind: string;
  readonly late = true;
  readonly retries: boolean;
  readonly #successes: ReadonlySet<number>;
  readonly #retryable: ReadonlySet<number> | null;
  readonly #retryableHttp: (status: number) => boolean;

  /**
   * @param retryable statuses that are worth another try; null for all that are no success.
   * @param retryableHttp the same for answers that are not gRPC's.
   */
  constructor(
    kind: string,
    successes: ReadonlySet<number>,
    retryable: ReadonlySet<number> | null,
    retryableHttp: (status: number) => boolean,
  ) {
    this.kind = kind;
    this.retries = retryable === null || retryable.size > 0;
    this.#successes = successes;
    this.#retryable = retryable;
    this.#retryableHttp = retryableHttp;
  }

  answer(_ex: Exchange, status: number, head: MessageHead, callStatus: number): Verdict {
    if (callStatus >= 0) return this.#judge(callStatus);
    if (status === 200) return Verdict.undecided;
    return this.#retryableHttp(status) || head.get("l5d-retryable") === "true" ? Verdict.retryable : Verdict.failure;
  }

  // An answer without a status is a broken one: UNKNOWN (gRPC over HTTP/2: Responses).
  end(_ex: Exchange, callStatus: number): Verdict {
    return this.#judge(callStatus < 0 ? GrpcStatus.unknown : callStatus);
  }

  // gRPC's retry design (A6): not a number, or below zero, means not at all.
  pushbackMs(told: MessageHead): number {
    const value = told.get("grpc-retry-pushback-ms");
    if (value === undefined) return 0;
    return PUSHBACK.test(value) ? Number(value) : -1;
  }

  failed(_ex: Exchange, failure: Failure): Verdict {
    if (!mayPass(failure)) return Verdict.failure;
    return this.#judge(grpcStatusOf(failure)) === Verdict.retryable ? Verdict.retryable : Verdict.failure;
  }

  #judge(callStatus: number): Verdict {
    if (this.#successes.has(callStatus)) return Verdict.success;
    return this.#retryable === null || this.#retryable.has(callStatus) ? Verdict.retryable : Verdict.failure;
  }
}
