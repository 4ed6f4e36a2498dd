// What code of a plug-in throws: counted each time, logged once in a while, and made a failure of the exchange concerned.
import type { Clock } from "../base/clock.ts";
import { causes } from "../core/cause.ts";
import { Failure } from "../core/failure.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Counter } from "../telemetry/metrics.ts";

/** A plug-in that throws with every request must not fill the disk. */
const QUIET_MS = 10_000;

/** The errors of one kind in one place. */
export class PluginErrors {
  readonly #kind: string;
  readonly #counter: Counter;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #saidMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(kind: string, counter: Counter, logger: Logger, clock: Clock) {
    this.#kind = kind;
    this.#counter = counter;
    this.#logger = logger;
    this.#clock = clock;
  }

  /** Takes an error. @returns what becomes of the exchange. */
  take(error: unknown): Failure {
    this.#counter.inc();
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#saidMs < QUIET_MS) this.#unsaid++;
    else {
      const more = this.#unsaid === 0 ? "" : ` (${this.#unsaid} more since the last such line)`;
      this.#logger.error(`plug-in kind ${this.#kind} threw an error${more}`, error);
      this.#saidMs = nowMs;
      this.#unsaid = 0;
    }
    const message = error instanceof Error ? error.message : String(error);
    return new Failure(causes.pluginError, `Plug-in ${this.#kind}: ${message.replaceAll(/[\r\n]+/g, " ")}`, {
      kind: this.#kind,
    });
  }
}
