// Which answers of HTTP are failures, and which of those are worth another try (linkerd1 §6.7).
import type { Category } from "../../core/cause.ts";
import { type Classifier, Verdict } from "../../core/classifier.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { Framing, HttpHead } from "./head.ts";
import type { HttpMessage } from "./message.ts";

const READS = ["GET", "HEAD", "OPTIONS", "TRACE"];
const IDEMPOTENT = [...READS, "PUT", "DELETE"];
const ALL = [...IDEMPOTENT, "POST", "PATCH"];

/** Methods whose failures are retryable, by the name of the kind without its prefix. Thousands of services share them. */
const RETRYABLE: Readonly<Record<string, ReadonlySet<string>>> = {
  nonRetryable5XX: new Set(),
  retryableRead5XX: new Set(READS),
  retryableIdempotent5XX: new Set(IDEMPOTENT),
  retryableAll5XX: new Set(ALL),
};

/** A classifier of an `http` or `h2` router that looks at the status alone, such as `io.l5d.http.retryableRead5XX`; null for other kinds. */
export function statusClassifier(kind: string): Classifier | null {
  const name = kind.slice(kind.lastIndexOf(".") + 1);
  if (name === "allSuccessful") return new AllSuccessful(kind);
  const methods = RETRYABLE[name];
  return methods === undefined ? null : new By5xx(kind, methods);
}

class By5xx implements Classifier {
  readonly kind: string;
  readonly late = false;
  readonly retries: boolean;
  readonly #methods: ReadonlySet<string>;

  constructor(kind: string, methods: ReadonlySet<string>) {
    this.kind = kind;
    this.retries = methods.size > 0;
    this.#methods = methods;
  }

  answer(ex: Exchange, status: number, head: MessageHead): Verdict {
    if (status < 500) return Verdict.success;
    const again = this.#covers(ex) || head.get("l5d-retryable") === "true";
    return again && !isStreamed(ex) ? Verdict.retryable : Verdict.failure;
  }

  end(): Verdict {
    return Verdict.success; // nothing is undecided here
  }

  pushbackMs(): number {
    return 0;
  }

  failed(ex: Exchange, failure: Failure): Verdict {
    return this.#covers(ex) && !isStreamed(ex) && mayPass(failure) ? Verdict.retryable : Verdict.failure;
  }

  #covers(ex: Exchange): boolean {
    return this.#methods.has((ex.request as HttpMessage).method); // heads here are HTTP's
  }
}

class AllSuccessful implements Classifier {
  readonly kind: string;
  readonly late = false;
  readonly retries = false;

  constructor(kind: string) {
    this.kind = kind;
  }

  answer(): Verdict {
    return Verdict.success;
  }

  end(): Verdict {
    return Verdict.success;
  }

  pushbackMs(): number {
    return 0;
  }

  failed(): Verdict {
    return Verdict.failure;
  }
}

/** Attempts that timed out, connections that were not made or broke, answers that nobody can read: another endpoint may do better. */
const PASSING: ReadonlySet<Category> = new Set<Category>(["connect", "timeout", "bad-answer", "leaving"]);

/** May another attempt fare better? */
export function mayPass(failure: Failure): boolean {
  return failure.source !== "downstream" && PASSING.has(failure.cause.category);
}

// A body of which nobody knows the length is never sent twice in HTTP/1 (linkerd1 §6.7).
export function isStreamed(ex: Exchange): boolean {
  const { request } = ex;
  return request instanceof HttpHead && request.framing === Framing.chunked;
}
