// The access logs of a worker thread: lines go to control in batches, which has the files. One writer per file, whichever threads there are.
import type { DataLoop } from "../core/data-loop.ts";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import { AccessLog, type LineSink } from "../protocols/http/access-log.ts";
import type { ExchangeLog } from "../router/router.ts";
import type { RouterConfig } from "./config.ts";
import { accessLogOf } from "./settings.ts";
import type { FromWorker } from "./worker-messages.ts";

const BATCH_BYTES = 64 * 1024;
/** How old a line may become before it is handed over. */
const FLUSH_MS = 100;

/** Makes the logs of routers in a worker. */
export class WorkerAccessLogs {
  readonly #env: Env;
  readonly #loop: DataLoop;
  readonly #post: (message: FromWorker) => void;
  /** Those that have lines. */
  readonly #pending = new Set<LineBatches>();

  constructor(env: Env, loop: DataLoop, post: (message: FromWorker) => void) {
    this.#env = env;
    this.#loop = loop;
    this.#post = post;
  }

  of(router: RouterConfig): ExchangeLog {
    const log = accessLogOf(router);
    if (log === null) return { record: () => undefined };
    const sink = new LineBatches(log.path, this.#env, this.#post, this.#pending);
    return new AccessLog({ router: router.label, format: log.format, loop: this.#loop, clock: this.#env.clock, sink });
  }

  /** Hands over what is left. */
  flush(): void {
    for (const batches of this.#pending) batches.flush();
  }
}

class LineBatches implements LineSink {
  readonly #path: string;
  readonly #env: Env;
  readonly #post: (message: FromWorker) => void;
  readonly #pending: Set<LineBatches>;
  /** Null while there is nothing to log. */
  #bytes: Buffer | null = null;
  #length = 0;
  #lines = 0;
  #epochMs = 0;
  #due: Timer | null = null;

  constructor(path: string, env: Env, post: (message: FromWorker) => void, pending: Set<LineBatches>) {
    this.#path = path;
    this.#env = env;
    this.#post = post;
    this.#pending = pending;
  }

  append(line: Buffer, length: number, epochMs: number): void {
    if (length > BATCH_BYTES - this.#length) this.flush();
    if (length > BATCH_BYTES) return this.#send(line.subarray(0, length), 1, epochMs);
    if (this.#lines === 0) this.#begin(epochMs);
    line.copy((this.#bytes ??= Buffer.allocUnsafeSlow(BATCH_BYTES)), this.#length, 0, length);
    this.#length += length;
    this.#lines++;
    return undefined;
  }

  #begin(epochMs: number): void {
    this.#epochMs = epochMs;
    this.#pending.add(this);
    this.#due ??= this.#env.timers.after(FLUSH_MS, () => {
      this.flush();
      this.#bytes = null; // a log with few lines, or of a router that is gone
    });
  }

  flush(): void {
    this.#due?.cancel();
    this.#due = null;
    this.#pending.delete(this);
    if (this.#lines === 0 || this.#bytes === null) return;
    this.#send(this.#bytes.subarray(0, this.#length), this.#lines, this.#epochMs);
    this.#length = 0;
    this.#lines = 0;
  }

  // With a view goes all of the memory that it is a view of: so it gets its own.
  #send(text: Buffer, lines: number, epochMs: number): void {
    this.#post({ type: "lines", path: this.#path, text: new Uint8Array(text), lines, epochMs });
  }
}
