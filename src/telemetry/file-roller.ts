// Decides when a log file is full or out of date, gives it its rolled name, and removes rolled files beyond the number to keep. It is asked
// between two writes, when nothing is under way: no line is lost, split or moved before another.
import type { Clock } from "../base/clock.ts";
import type { FileContent, LineFile, LineFiles } from "./line-file.ts";
import type { Logger } from "./log.ts";
import type { Counter } from "./metrics.ts";
import { periodEndMs, RolledNames, type RollPolicy } from "./roll-policy.ts";

const LF = 10;
/** After a failure the file is written on for so long before it is tried again. */
const REST_MS = 60_000;

/** How a file is rolled. */
export interface Rolling {
  readonly policy: RollPolicy;
  /** How many rolled files are kept; -1 = all. */
  readonly keep: number;
}

/** What a roller works with. */
export interface FileRollerParts extends Rolling {
  readonly path: string;
  readonly files: LineFiles;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Counts renames and removals that failed. */
  readonly errors: Counter;
}

/** Lines of one period, gathered: `bytes[written, length)` is to be written. */
export interface GatheredLines {
  readonly bytes: Buffer;
  readonly length: number;
  readonly written: number;
  /** Wall clock at the first line. */
  readonly begunMs: number;
  readonly periodEndMs: number;
}

/** Rolls the file of one `LineWriter`. */
export class FileRoller {
  readonly #parts: FileRollerParts;
  readonly #names: RolledNames;
  readonly #maxBytes: number;
  /** Null while the open file is none that could be rolled. */
  #content: { bytes: number; begunMs: number; periodEndMs: number } | null = null;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #troubled = false;

  constructor(parts: FileRollerParts) {
    this.#parts = parts;
    this.#names = new RolledNames(parts.path, parts.policy);
    this.#maxBytes = parts.policy.at === "size" ? parts.policy.maxBytes : Number.POSITIVE_INFINITY;
  }

  /** A file was opened; what is in it already belongs to the period in which it was last written to. */
  async opened(file: LineFile): Promise<void> {
    this.#content = null;
    if (this.#parts.policy.at === "never") return;
    const found = await file.content();
    if (found !== null) this.#take(found);
  }

  #take({ bytes, writtenMs }: FileContent): void {
    this.#content = { bytes, begunMs: writtenMs, periodEndMs: periodEndMs(this.#parts.policy, writtenMs) };
  }

  /** How many bytes, whole lines, may go into the file as it is; 0 when it has to be rolled first. */
  room(lines: GatheredLines): number {
    const { bytes, length, written } = lines;
    const left = length - written;
    const content = this.#content;
    if (content === null || this.#parts.clock.nowMs() < this.#restUntilMs) return left;
    const isWithinLine = written > 0 && bytes[written - 1] !== LF; // a disk may take half a line
    const mayRoll = content.bytes > 0 && !isWithinLine;
    if (mayRoll && lines.periodEndMs > content.periodEndMs) return 0;
    const room = this.#maxBytes - content.bytes;
    if (left <= room) return left;
    const fits = room > 0 ? bytes.lastIndexOf(LF, written + room - 1) + 1 - written : 0;
    if (fits > 0) return fits;
    return mayRoll ? 0 : bytes.indexOf(LF, written) + 1 - written; // a line larger than a whole file
  }

  /** So many bytes of these lines were written. */
  wrote(lines: GatheredLines, bytes: number): void {
    const content = this.#content;
    if (content === null) return;
    if (content.bytes === 0) content.begunMs = lines.begunMs;
    // Earlier only when the clock was put back: the file then ends with the period that is now.
    if (content.bytes === 0 || lines.periodEndMs < content.periodEndMs) content.periodEndMs = lines.periodEndMs;
    content.bytes += bytes;
  }

  /** Rolls the file if that is due still. True when a new one has to be opened. */
  async roll(file: LineFile): Promise<boolean> {
    try {
      if (!(await file.isStillThere())) return true; // somebody else was faster
      if (await this.#wasEmptied(file)) return false;
      await this.#rename();
    } catch (error) {
      this.#restUntilMs = this.#parts.clock.nowMs() + REST_MS;
      this.#failed("cannot be rolled", error);
      return false;
    }
    await this.#removeOldest();
    return true;
  }

  /** By another program (`copytruncate`). */
  async #wasEmptied(file: LineFile): Promise<boolean> {
    const found = await file.content();
    if (found === null || this.#content === null || found.bytes >= this.#content.bytes) return false;
    this.#take(found);
    return true;
  }

  async #rename(): Promise<void> {
    const { files } = this.#parts;
    const taken = await files.names();
    await files.rename(this.#names.nameFor(this.#content?.begunMs ?? this.#parts.clock.epochMs(), taken));
  }

  async #removeOldest(): Promise<void> {
    const { files, keep } = this.#parts;
    try {
      const rolled = keep < 0 ? [] : this.#names.among(await files.names());
      for (const name of rolled.slice(0, Math.max(0, rolled.length - keep))) await files.remove(name);
      if (this.#troubled) this.#parts.logger.info(`${this.#parts.path} is rolled again`);
      this.#troubled = false;
    } catch (error) {
      this.#failed("was rolled, but older files cannot be removed", error);
    }
  }

  #failed(words: string, error: unknown): void {
    const { errors, logger, path } = this.#parts;
    errors.inc();
    if (this.#troubled) return;
    this.#troubled = true;
    logger.warn(
      `${path} ${words} (${error instanceof Error ? error.message : String(error)}); lines are written all the same`,
    );
  }
}
