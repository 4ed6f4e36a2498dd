// Requests that wait to be sent as spans: a bounded number, in batches, one batch at a time. What cannot be sent is lost and counted; nothing
// waits for Zipkin.
import type { Env } from "../../base/env.ts";
import type { Timer } from "../../base/timers.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Scope } from "../../telemetry/registry.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";
import type { SendBatch, Sending } from "./sending.ts";
import { spanCount } from "./spans.ts";

/** What it stands on. */
export interface SpanQueueParts {
  readonly env: Env;
  readonly logger: Logger;
  /** For its own figures. */
  readonly scope: Scope;
  readonly send: SendBatch;
  /** Where to, for people. */
  readonly place: string;
}

/** At most a megabyte or two. */
const MAX_WAITING = 1000;
const BATCH = 100;
/** How long one may wait for others; and how long a place that did not take one batch is left alone. */
const FLUSH_MS = 1000;

/** Sends until it is closed. */
export class SpanQueue {
  readonly #parts: SpanQueueParts;
  readonly #sent;
  readonly #dropped;
  readonly #failures;
  readonly #waiting: TracedRequest[] = [];
  #due: Timer | null = null;
  #sending: Sending | null = null;
  /** The last batch was lost; people hear of it when that begins and when it ends. */
  #failing = false;
  #closed: PromiseWithResolvers<void> | null = null;

  constructor(parts: SpanQueueParts) {
    this.#parts = parts;
    this.#sent = parts.scope.counter("sent");
    this.#dropped = parts.scope.counter("dropped");
    this.#failures = parts.scope.counter("failures");
  }

  add(request: TracedRequest): void {
    if (this.#closed !== null || this.#waiting.length >= MAX_WAITING) return this.#dropped.add(spanCount(request));
    this.#waiting.push(request);
    if (this.#sending !== null) return undefined;
    if (this.#waiting.length >= BATCH && !this.#failing) this.#flush();
    else this.#later();
    return undefined;
  }

  /** Sends what is left, unless it takes longer; what is left then is lost. */
  close(graceMs: number): Promise<void> {
    if (this.#closed !== null) return this.#closed.promise;
    const closed = Promise.withResolvers<void>();
    this.#closed = closed;
    const late = this.#parts.env.timers.after(graceMs, () => {
      this.#lose(this.#waiting.splice(0));
      this.#sending?.cancel();
    });
    this.#flush();
    return closed.promise.finally(() => late.cancel());
  }

  #later(): void {
    this.#due ??= this.#parts.env.timers.after(FLUSH_MS, () => this.#flush());
  }

  #flush(): void {
    this.#due?.cancel();
    this.#due = null;
    if (this.#sending !== null) return;
    const batch = this.#waiting.splice(0, BATCH);
    if (batch.length === 0) {
      this.#closed?.resolve();
      return;
    }
    const sending = this.#parts.send(batch);
    this.#sending = sending;
    sending.done.then(
      () => this.#arrived(batch),
      (error: unknown) => this.#lost(batch, error),
    );
  }

  #arrived(batch: readonly TracedRequest[]): void {
    this.#sending = null;
    for (const request of batch) this.#sent.add(spanCount(request));
    if (this.#failing) this.#parts.logger.info(`${this.#parts.place} takes spans again`);
    this.#failing = false;
    if (this.#waiting.length >= BATCH || this.#closed !== null) this.#flush();
    else if (this.#waiting.length > 0) this.#later();
  }

  #lost(batch: readonly TracedRequest[], error: unknown): void {
    const { logger, place } = this.#parts;
    this.#sending = null;
    this.#failures.inc();
    this.#lose(batch);
    const why = error instanceof Error ? error.message : String(error);
    if (!this.#failing) logger.warn(`${place} does not take spans (${why}); they are dropped while that is so`);
    this.#failing = true;
    if (this.#closed === null) {
      if (this.#waiting.length > 0) this.#later();
      return;
    }
    this.#lose(this.#waiting.splice(0)); // there is no time to try again
    this.#closed.resolve();
  }

  #lose(batch: readonly TracedRequest[]): void {
    for (const request of batch) this.#dropped.add(spanCount(request));
  }
}
