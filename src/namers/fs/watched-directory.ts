// One directory and those of its entries somebody wants to know of.
//
//   event ──┐                    ┌── the entry it names: read again
//           ├── 25 ms later ─────┤
//   event ──┘                    └── a name nobody asked for (a link swapped elsewhere): all entries looked at
//   every 5 s ─────────────────────── all entries looked at
import { join } from "node:path";
import type { Env } from "../../base/env.ts";
import type { Timer } from "../../base/timers.ts";
import type { Disk } from "./disk.ts";

/** What an entry of a directory is. */
export type EntryState =
  | { readonly at: "pending" }
  | { readonly at: "missing" }
  | { readonly at: "directory"; readonly identity: string }
  | { readonly at: "file"; readonly text: string }
  /** A unix socket, where a service listens itself. */
  | { readonly at: "socket" }
  /** A file whose contents cannot be had. */
  | { readonly at: "unreadable"; readonly message: string }
  /** Not even known whether it exists. */
  | { readonly at: "failed"; readonly message: string };

const MAX_FILE_BYTES = 500 * 1024;
/** Editors and `cp` write in several steps; one reading after them is enough. */
const DEBOUNCE_MS = 25;
/** For what no event tells of: network file systems, links to other places, exhausted inotify watches. */
const SAFETY_POLL_MS = 5_000;

/** Watches from its first entry until it is disposed of. */
export class WatchedDirectory implements Disposable {
  readonly path: string;
  /** Why there are no events, if so; the safety poll does without them. */
  readonly #problem: string | undefined;
  readonly #disk: Disk;
  readonly #env: Env;
  readonly #entries = new Map<string, Entry>();
  readonly #watch: Disposable | undefined;
  readonly #poll: Timer;
  #debounce: Timer | undefined;
  /** Names heard of since the last look; undefined in it means any. */
  readonly #heard = new Set<string | undefined>();

  constructor(disk: Disk, env: Env, path: string) {
    this.#disk = disk;
    this.#env = env;
    this.path = path;
    try {
      this.#watch = disk.watch(path, (name) => this.#hear(name));
    } catch (error) {
      this.#problem = messageOf(error);
    }
    this.#poll = env.timers.every(SAFETY_POLL_MS, () => this.#lookAtAll());
  }

  /** What is known of the entries, for people. */
  state(): unknown {
    const entries = Object.fromEntries([...this.#entries].map(([name, entry]) => [name, entry.describe()]));
    return { path: this.path, entries, ...(this.#problem === undefined ? {} : { notWatched: this.#problem }) };
  }

  /** Tells `set` what the entry is, now and whenever it changes. Each name is added at most once at a time. */
  add(name: string, set: (state: EntryState) => void): Disposable {
    const entry = new Entry(this.#disk, this.#env, join(this.path, name), set, () => this.#hear(name));
    this.#entries.set(name, entry);
    entry.look(true);
    return {
      [Symbol.dispose]: () => {
        entry[Symbol.dispose]();
        if (this.#entries.get(name) === entry) this.#entries.delete(name);
      },
    };
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#poll.cancel();
    this.#debounce?.cancel();
  }

  #hear(name: string | undefined): void {
    this.#heard.add(name);
    this.#debounce ??= this.#env.timers.after(DEBOUNCE_MS, () => this.#lookAtHeard());
  }

  #lookAtHeard(): void {
    const heard = [...this.#heard];
    this.#heard.clear();
    this.#debounce = undefined;
    // A name nobody asked for may be what a link among our entries leads through, as `..data` does in a Kubernetes ConfigMap.
    if (heard.some((name) => name === undefined || !this.#entries.has(name))) this.#lookAtAll();
    for (const name of heard) if (name !== undefined) this.#entries.get(name)?.look(true);
  }

  #lookAtAll(): void {
    for (const entry of this.#entries.values()) entry.look(false);
  }
}

/** Looks at one entry, one look at a time; what comes up meanwhile makes it look again. */
class Entry implements Disposable {
  readonly #disk: Disk;
  readonly #env: Env;
  readonly #path: string;
  readonly #set: (state: EntryState) => void;
  readonly #lookSoon: () => void;
  #state: EntryState = { at: "pending" };
  #signature = "";
  #looking = false;
  /** A look that was asked for during the one under way, and whether it must read the file. */
  #again: { readonly read: boolean } | undefined;
  #emptied = false;
  #changedAt = "";
  #disposed = false;

  constructor(disk: Disk, env: Env, path: string, set: (state: EntryState) => void, lookSoon: () => void) {
    this.#disk = disk;
    this.#env = env;
    this.#path = path;
    this.#set = set;
    this.#lookSoon = lookSoon;
  }

  /** @param read also if the file seems unchanged: two quick changes can leave the same time stamp and size. */
  look(read: boolean): void {
    if (this.#looking) {
      this.#again = { read: read || this.#again?.read === true };
      return;
    }
    this.#looking = true;
    void this.#lookNow(read).finally(() => {
      this.#looking = false;
      const again = this.#again;
      this.#again = undefined;
      if (again !== undefined && !this.#disposed) this.look(again.read);
    });
  }

  describe(): unknown {
    const state = this.#state.at === "file" ? { at: "file", lines: this.#state.text.split("\n") } : this.#state;
    return this.#changedAt === "" ? state : { ...state, changedAt: this.#changedAt };
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  /** Rejects only if an observer threw. */
  async #lookNow(read: boolean): Promise<void> {
    let state: EntryState | undefined;
    try {
      state = await this.#found(read);
    } catch (error) {
      state = { at: "failed", message: messageOf(error) };
    }
    if (state !== undefined && !this.#disposed && !this.#isHalfWritten(state)) this.#tell(state);
  }

  /** What the entry is now; undefined if it is as it was. */
  async #found(read: boolean): Promise<EntryState | undefined> {
    const facts = await this.#disk.stat(this.#path);
    if (facts === undefined) return { at: "missing" };
    if (facts.kind === "directory") return { at: "directory", identity: facts.identity };
    if (facts.kind === "socket") return { at: "socket" };
    if (facts.kind === "other") return { at: "unreadable", message: `${this.#path} is not a file` };
    if (!read && facts.signature === this.#signature) return undefined;
    this.#signature = facts.signature;
    try {
      return { at: "file", text: await this.#disk.read(this.#path, MAX_FILE_BYTES) };
    } catch (error) {
      this.#signature = "";
      return { at: "unreadable", message: messageOf(error) };
    }
  }

  /** Whoever rewrites a file in place empties it first. An empty file after a full one is believed at the second look. */
  #isHalfWritten(state: EntryState): boolean {
    const emptied =
      state.at === "file" && state.text.trim() === "" && this.#state.at === "file" && this.#state.text.trim() !== "";
    const first = emptied && !this.#emptied;
    this.#emptied = first;
    if (first) this.#lookSoon();
    return first;
  }

  #tell(state: EntryState): void {
    if (sameEntry(state, this.#state)) return;
    this.#state = state;
    this.#changedAt = new Date(this.#env.clock.epochMs()).toISOString();
    this.#set(state);
  }
}

/** Whether two states say the same. */
export function sameEntry(a: EntryState, b: EntryState): boolean {
  if (a.at === "directory") return b.at === "directory" && a.identity === b.identity;
  if (a.at === "file") return b.at === "file" && a.text === b.text;
  if (a.at === "unreadable" || a.at === "failed") return b.at === a.at && a.message === b.message;
  return a.at === b.at;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
