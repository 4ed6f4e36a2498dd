// The descriptors of this process: who gets the last ones, and what is said when they run out.
//
// Callers are turned away while some are still free, so that those that were taken find connections to their services, and that files and
// name look-ups go on. Without this the kernel's limit decides, and it strikes whoever comes next.
import { readdirSync, readFileSync } from "node:fs";
import type { Clock } from "../../base/clock.ts";
import type { DescriptorFigures } from "../../core/byte-stream.ts";
import { isExhaustion } from "../../core/exhaustion.ts";
import type { Logger } from "../../telemetry/log.ts";

/** For files, watches, name look-ups and whatever else is no connection. */
const SPARE = 32;
/** What is kept for connections to services: a quarter, but no more than this. Requests wait for one another's connections if need be. */
const KEPT_SHARE = 0.25;
const MOST_KEPT = 1_000;
/** A process whose limit is as low as this serves some all the same, and meets the limit itself. */
const LEAST = 16;
/** It is told at most so often, however many connections it strikes. */
const QUIET_MS = 60_000;

/** Counts the connections of a process against its limit. */
export class Descriptors implements DescriptorFigures {
  readonly limit: number;
  sockets = 0;
  turnedAway = 0;
  failures = 0;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #others: number;
  #mostWithCallers = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  /**
   * @param limit descriptors that the process may have; Infinity when that is not known.
   * @param others how many are open already.
   */
  constructor(limit: number, others: number, clock: Clock, logger: Logger) {
    this.limit = limit;
    this.#clock = clock;
    this.#logger = logger;
    this.#others = others;
    this.#divide();
  }

  /** Something that stays open takes one, such as a listener. */
  keep(): void {
    this.#others++;
    this.#divide();
  }

  #divide(): void {
    const room = this.limit - this.#others - SPARE;
    this.#mostWithCallers = Math.max(LEAST, room - Math.min(Math.ceil(room * KEPT_SHARE), MOST_KEPT));
  }

  /** May another caller be taken? */
  admits(): boolean {
    if (this.sockets < this.#mostWithCallers) return true;
    this.turnedAway++;
    this.#tell();
    return false;
  }

  /** A connection could not be made or accepted. False when that was for other reasons. */
  failed(error: Error): boolean {
    if (!isExhaustion(error)) return false;
    this.failures++;
    this.#tell();
    return true;
  }

  #tell(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#quietUntilMs) return;
    this.#quietUntilMs = nowMs + QUIET_MS;
    const limit = this.limit === Number.POSITIVE_INFINITY ? "" : ` of the ${this.limit} that this process may have`;
    this.#logger.warn(
      `running out of file descriptors${limit}: ${this.sockets} connections are open; since the start ${this.turnedAway} callers were ` +
        `turned away and ${this.failures} connections failed for it; raise the limit of open files, or let idle connections be closed`,
    );
  }
}

/** Those of this process, where the kernel tells of them (Linux). */
export function systemDescriptors(clock: Clock, logger: Logger): Descriptors {
  return new Descriptors(limitOfFiles(), openNow(), clock, logger);
}

function limitOfFiles(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY; // another system
  }
}

function openNow(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0; // another system
  }
}
