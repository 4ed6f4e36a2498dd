// Appends lines to a file from the request path: never waits, never throws, and holds a bounded amount of memory whatever happens to the disk.
//
//   append ─► batch being filled ──(full, or 500 ms old)──► queue ──(one write at a time)──► file
//
// While the file cannot be written the queue stays as it is and is tried again every second; lines beyond the bound are dropped and
// counted. A file that another program has moved away or removed is begun anew, at the latest when `reopen` says so. Between two writes
// `FileRoller` may give the file another name; a batch has lines of one period only, so that it never has to look at times of lines.
import { isDeepStrictEqual } from "node:util";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import { within } from "../base/within.ts";
import { FileRoller, type Rolling } from "./file-roller.ts";
import { type LineFile, type LineFiles, nodeFiles } from "./line-file.ts";
import type { Logger } from "./log.ts";
import type { Counter } from "./metrics.ts";
import { periodEndMs } from "./roll-policy.ts";

const BATCH_BYTES = 64 * 1024;
/** How old a line may become before it is handed to the system. */
const FLUSH_MS = 500;
const RETRY_MS = 1000;
/** A full pipe is emptied by its reader soon. */
const BUSY_MS = 10;
const LOOK_MS = 1000;
/** What waits at most, the batch being filled included. */
export const MAX_WAITING_BYTES: number = 1024 * 1024;

interface Batch {
  readonly bytes: Buffer;
  length: number;
  lines: number;
  /** How much of it is in the file. */
  written: number;
  /** Wall clock at its first line, and the end of the period that all its lines are of. */
  readonly begunMs: number;
  readonly periodEndMs: number;
}

/** When a new file is begun, and whether what is there is continued. */
export interface LineWriterFile extends Rolling {
  readonly append: boolean;
}

const ONE_FILE: LineWriterFile = { policy: { at: "never" }, keep: -1, append: true };

/** What a writer reports to. */
export interface LineWriterParts {
  readonly path: string;
  readonly env: Env;
  readonly logger: Logger;
  readonly dropped: Counter;
  readonly errors: Counter;
  readonly rollErrors: Counter;
  /** One file that is continued for ever, unless said otherwise. */
  readonly file?: LineWriterFile;
  readonly files?: LineFiles;
}

/** Appends lines to one file. */
export class LineWriter {
  readonly #parts: LineWriterParts;
  readonly #files: LineFiles;
  #settings: LineWriterFile;
  #roller: FileRoller;
  /** It is to be rolled in another way when it is opened next. */
  #followed = false;
  readonly #queue: Batch[] = [];
  #filling: Batch | null = null;
  #spare: Buffer | null = null;
  #waitingBytes = 0;
  #due: Timer | null = null;
  #file: LineFile | null = null;
  #lookedMs = 0;
  /** When the batch being filled ends, whatever its size. */
  #periodEndMs = Number.POSITIVE_INFINITY;
  /** Whether the file is to be thrown away when it is opened for the first time. */
  #empties: boolean;
  #reopening: PromiseWithResolvers<boolean> | null = null;
  #writing: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  /** What is wrong at the moment, if anything: told once when it begins and once when it ends. */
  #trouble: "none" | "slow" | "broken" = "none";
  #droppedInTrouble = 0;
  #closing = false;

  constructor(parts: LineWriterParts) {
    this.#parts = parts;
    this.#files = parts.files ?? nodeFiles(parts.path);
    this.#settings = parts.file ?? ONE_FILE;
    this.#empties = !this.#settings.append;
    this.#roller = this.#newRoller();
    this.#pump(); // opens the file, so that a wrong path is told at the start and not with the first request
  }

  #newRoller(): FileRoller {
    const { env, logger, path, rollErrors: errors } = this.#parts;
    return new FileRoller({ ...this.#settings, path, files: this.#files, clock: env.clock, logger, errors });
  }

  /** From now on the file is rolled like this. A file that is open already is continued. */
  follow(settings: LineWriterFile): void {
    if (isDeepStrictEqual(settings, this.#settings)) return;
    this.#settings = settings;
    this.#followed = true;
    void this.reopen(); // the new roller has to know the file, between two writes
  }

  /** Takes `line[0, length)`, its line end included, of that moment on the wall clock. @param lines how many they are. */
  append(line: Buffer, length: number, epochMs: number, lines = 1): void {
    let batch = this.#filling;
    if (batch !== null && (batch.length + length > batch.bytes.length || epochMs >= this.#periodEndMs)) {
      this.#seal();
      batch = null;
    }
    batch ??= this.#newBatch(length, epochMs);
    if (batch === null) return this.#drop(lines);
    line.copy(batch.bytes, batch.length, 0, length);
    batch.length += length;
    batch.lines += lines;
    this.#due ??= this.#parts.env.timers.after(FLUSH_MS, () => this.#seal());
  }

  #newBatch(length: number, epochMs: number): Batch | null {
    const size = Math.max(BATCH_BYTES, length);
    if (this.#closing || this.#waitingBytes + size > MAX_WAITING_BYTES) return null;
    this.#waitingBytes += size;
    const reuse = size === BATCH_BYTES && this.#spare !== null;
    const bytes = reuse ? (this.#spare as Buffer) : Buffer.allocUnsafeSlow(size);
    if (reuse) this.#spare = null;
    this.#periodEndMs = periodEndMs(this.#settings.policy, epochMs);
    this.#filling = { bytes, length: 0, lines: 0, written: 0, begunMs: epochMs, periodEndMs: this.#periodEndMs };
    return this.#filling;
  }

  #drop(lines: number): void {
    this.#parts.dropped.add(lines);
    this.#droppedInTrouble += lines;
    if (this.#trouble === "none" && !this.#closing)
      this.#worse("slow", "cannot be written as fast as lines come; some are dropped");
  }

  /** Hands over what was gathered. */
  #seal(): void {
    this.#due?.cancel();
    this.#due = null;
    if (this.#filling === null) return;
    this.#queue.push(this.#filling);
    this.#filling = null;
    this.#pump();
  }

  #pump(): void {
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    do {
      const batch = this.#queue[0];
      try {
        await this.#write(batch);
        if (batch !== undefined) this.#done(batch);
      } catch (error) {
        if (!(await this.#failed(error))) break;
      }
    } while (this.#queue.length > 0 || this.#reopening !== null);
    if (this.#trouble === "slow") this.#mended();
    this.#writing = null; // in the same breath as the look at the queue, so that nothing sealed meanwhile is left lying
  }

  async #write(batch: Batch | undefined): Promise<void> {
    let file = await this.#opened();
    while (batch !== undefined && batch.written < batch.length) {
      const room = this.#roller.room(batch);
      if (room > 0) {
        const written = await file.write(batch.bytes, batch.written, room);
        this.#roller.wrote(batch, written);
        batch.written += written;
      } else if (await this.#roller.roll(file)) {
        await this.#shut();
        file = await this.#opened();
      }
    }
    if (this.#trouble === "broken") this.#mended();
  }

  async #opened(): Promise<LineFile> {
    const nowMs = this.#parts.env.clock.nowMs();
    const reopening = this.#reopening;
    if (this.#file !== null && reopening === null && nowMs - this.#lookedMs < LOOK_MS) return this.#file;
    this.#lookedMs = nowMs;
    if (this.#file !== null && (reopening !== null || !(await this.#file.isStillThere()))) await this.#shut();
    const file = this.#file ?? (await this.#open());
    this.#settle(reopening, true);
    return file;
  }

  async #open(): Promise<LineFile> {
    const file = await this.#files.open(this.#empties);
    this.#empties = false;
    this.#file = file;
    if (this.#followed) this.#roller = this.#newRoller();
    this.#followed = false;
    await this.#roller.opened(file);
    return file;
  }

  #settle(reopening: PromiseWithResolvers<boolean> | null, reopened: boolean): void {
    if (this.#reopening === reopening) this.#reopening = null; // or it was asked for again meanwhile
    reopening?.resolve(reopened);
  }

  async #shut(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  #done(batch: Batch): void {
    this.#queue.shift();
    this.#waitingBytes -= batch.bytes.length;
    if (batch.bytes.length === BATCH_BYTES) this.#spare ??= batch.bytes;
  }

  /** Waits until it is worth another try; false when there will be none. */
  async #failed(error: unknown): Promise<boolean> {
    if (this.#files.isBusy(error)) {
      await this.#pause(BUSY_MS);
      return true;
    }
    this.#parts.errors.inc();
    if (this.#trouble !== "broken")
      this.#worse("broken", `cannot be written (${reasonOf(error)}); lines are kept up to 1 MB, then dropped`);
    await this.#shut().catch(() => undefined); // the file is broken already
    this.#settle(this.#reopening, false);
    if (this.#closing) return false;
    await this.#pause(RETRY_MS);
    return true;
  }

  #worse(trouble: "slow" | "broken", words: string): void {
    this.#trouble = trouble;
    this.#parts.logger.warn(`${this.#parts.path} ${words}`);
  }

  #mended(): void {
    this.#trouble = "none";
    this.#parts.logger.info(`${this.#parts.path} is written again; ${this.#droppedInTrouble} lines were dropped`);
    this.#droppedInTrouble = 0;
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#parts.env.timers.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = null;
    timer.cancel();
  }

  /**
   * Closes the file and opens it by its path, for whoever has moved it away: what is not being written at this moment goes into the new
   * one. False when it cannot be opened at once; it is then tried again like any broken file. Does not answer while a write hangs.
   */
  reopen(): Promise<boolean> {
    if (this.#closing) return Promise.resolve(false);
    this.#reopening ??= Promise.withResolvers<boolean>();
    const { promise } = this.#reopening;
    this.#seal();
    this.#wake?.();
    this.#pump();
    return promise;
  }

  /** Writes what is left, waiting at most `graceMs`, and closes the file. What still cannot be written is dropped and counted. */
  async close(graceMs: number): Promise<void> {
    this.#seal();
    this.#closing = true;
    this.#wake?.();
    await within(this.#parts.env.timers, graceMs, this.#writing, undefined);
    for (const batch of this.#queue.splice(0)) this.#drop(batch.lines);
    if (this.#writing === null) await this.#shut().catch(() => undefined); // nothing is left to lose
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
