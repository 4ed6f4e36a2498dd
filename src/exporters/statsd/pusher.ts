// Sends metrics to StatsD, once in each interval. What cannot be sent waits for nothing and holds nothing up.
import type { Env } from "../../base/env.ts";
import type { Timer } from "../../base/timers.ts";
import type { SendDatagrams } from "../../core/datagrams.ts";
import type { Logger } from "../../telemetry/log.ts";
import type { Scope } from "../../telemetry/registry.ts";
import type { MetricsTree } from "../../telemetry/tree.ts";
import { StatsdLines } from "./lines.ts";

/** A telemeter as configured. */
export interface StatsdSpec {
  readonly prefix: string;
  readonly hostname: string;
  readonly port: number;
  readonly gaugeIntervalMs: number;
  readonly sampleRate: number;
}

/** What it stands on. */
export interface StatsdParts {
  readonly spec: StatsdSpec;
  readonly env: Env;
  readonly logger: Logger;
  /** For its own figures. */
  readonly scope: Scope;
  /** Of all event loops together. */
  readonly metrics: () => Promise<MetricsTree>;
  readonly send: SendDatagrams;
  /** There were metrics before it, which it is not to tell of. */
  readonly late: boolean;
}

/** Sends until it is closed. */
export class StatsdPusher {
  readonly #parts: StatsdParts;
  readonly #lines: StatsdLines;
  readonly #timer: Timer;
  readonly #sent;
  readonly #failures;
  /** The last time it went wrong; people hear of it when that begins and when it ends. */
  #failing = false;
  /** What is under way: a host that is looked up for longer than an interval is not asked for twice. */
  #pushing: Promise<void> | null = null;

  constructor(parts: StatsdParts) {
    const { env, late, metrics, scope, spec } = parts;
    this.#parts = parts;
    this.#lines = new StatsdLines(spec.prefix, spec.sampleRate, env.random);
    this.#sent = scope.counter("sent");
    this.#failures = scope.counter("failures");
    if (late) this.#begin(metrics().then((root) => this.#lines.takeAsTold(root)));
    this.#timer = env.timers.every(spec.gaugeIntervalMs, () => this.push());
  }

  /** Sends what is new, unless it is still at it. */
  push(): void {
    if (this.#pushing === null) this.#begin(this.#push());
  }

  /** Sends what is left, and ends. */
  async close(): Promise<void> {
    this.#timer.cancel();
    await this.#pushing;
    await this.#push().catch(() => undefined);
  }

  #begin(work: Promise<void>): void {
    this.#pushing = work
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#pushing = null;
      });
  }

  async #push(): Promise<void> {
    const { metrics, send, spec } = this.#parts;
    const root = await metrics();
    const { failed, sent } = await send(spec.hostname, spec.port, this.#lines.datagrams(root));
    this.#sent.add(sent);
    this.#failures.add(failed);
    if (!this.#failing || sent === 0) return;
    this.#failing = false;
    this.#parts.logger.info(`${spec.hostname}:${spec.port} is sent metrics again`);
  }

  #failed(error: unknown): void {
    const { logger, spec } = this.#parts;
    this.#failures.inc();
    if (this.#failing) return;
    this.#failing = true;
    const why = error instanceof Error ? error.message : String(error);
    logger.warn(`metrics cannot be sent to ${spec.hostname}:${spec.port} (${why}); what counters count is kept`);
  }
}
