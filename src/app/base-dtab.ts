// The base dtab of a router through all reloads: what its interpreter keeps elsewhere, then what stands in the file (linkerd1 §3.3).
import type { Env } from "../base/env.ts";
import { Activity, type ActivityState } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import { Source } from "../core/var.ts";
import { dtabFile } from "../namers/fs/dtab-file.ts";
import { DtabText } from "../naming/dtab-text.ts";
import { Slices } from "../naming/slices.ts";
import type { Logger } from "../telemetry/log.ts";
import type { RouterConfig } from "./config.ts";
import { reported } from "./namers.ts";

/** A file that has not been read after so long is not waited for: its rules follow when they are there. */
const READ_MS = 2000;

/** A dtab that follows its configuration. */
export class BaseDtab implements Disposable {
  /** The whole. */
  readonly live: Activity<Dtab>;
  readonly #env: Env;
  readonly #logger: Logger;
  readonly #states: Source<ActivityState<Dtab>>;
  #text: DtabText;
  /** What the interpreter keeps in a file of its own; null when it keeps nothing. */
  #stored: StoredDtab | null;

  /** @param former what the router had before it changed: what is written as there need not be read again. */
  static async open(config: RouterConfig, env: Env, logger: Logger, former?: BaseDtab): Promise<BaseDtab> {
    const text = await slowly(former === undefined ? DtabText.empty : former.#text, config.dtab, env);
    return new BaseDtab(config, text, env, logger);
  }

  private constructor(config: RouterConfig, text: DtabText, env: Env, logger: Logger) {
    this.#env = env;
    this.#logger = logger;
    this.#text = text;
    this.#stored = this.#open(fileOf(config));
    this.#states = new Source(this.#state);
    this.live = new Activity(this.#states);
  }

  get #state(): ActivityState<Dtab> {
    const stored = this.#stored === null ? null : this.#stored.state;
    if (stored === null) return { at: "ok", value: this.#text.dtab };
    return stored.at === "ok" ? { at: "ok", value: stored.value.concat(this.#text.dtab) } : stored;
  }

  /**
   * Reads it as another configuration has it; what is written as before is not read again. Not to be called again before it is done.
   * @returns what puts it in force, all at once.
   */
  async read(config: RouterConfig): Promise<() => void> {
    const before = this.#stored;
    const file = fileOf(config);
    const stored = file === before?.file ? before : this.#open(file);
    if (stored !== null) await stored.known(this.#env);
    const text = await slowly(this.#text, config.dtab, this.#env);
    return () => {
      if (stored === before && text === this.#text) return;
      this.#text = text;
      this.#stored = stored;
      this.#states.set(this.#state);
      if (stored !== before) before?.[Symbol.dispose]();
    };
  }

  [Symbol.dispose](): void {
    this.#stored?.[Symbol.dispose]();
  }

  #open(file: string | undefined): StoredDtab | null {
    if (file === undefined) return null;
    const dtab = dtabFile(file, this.#env, reported(this.#logger, "rules"));
    const stored: StoredDtab = new StoredDtab(file, dtab, () => {
      if (this.#stored === stored) this.#states.set(this.#state);
    });
    return stored;
  }
}

/** The dtab in a file; once it is good it stays so. */
class StoredDtab implements Disposable {
  readonly file: string;
  state: ActivityState<Dtab> = { at: "pending" };
  readonly #known = Promise.withResolvers<void>();
  readonly #observation: Disposable;

  /** @param changed is called for every state but the first. */
  constructor(file: string, dtab: Activity<Dtab>, changed: () => void) {
    this.file = file;
    let first = true;
    this.#observation = dtab.observe((state) => {
      this.state = state;
      if (state.at !== "pending") this.#known.resolve();
      if (!first) changed();
    });
    first = false;
  }

  /** Settled when something is known of it, or after a while. */
  async known({ timers }: Env): Promise<void> {
    using _limit = timers.after(READ_MS, () => this.#known.resolve());
    await this.#known.promise;
  }

  [Symbol.dispose](): void {
    this.#observation[Symbol.dispose]();
    this.#known.resolve();
  }
}

function fileOf({ interpreter }: RouterConfig): string | undefined {
  return interpreter.kind === "default" ? undefined : interpreter.dtabFile;
}

/** Reads a text and builds the index of its rules, a little at a time. */
function slowly(before: DtabText, text: string, env: Env): Promise<DtabText> {
  const { promise, reject, resolve } = Promise.withResolvers<DtabText>();
  const reading = read(before, text);
  new Slices(env, () => {
    try {
      const step = reading.next();
      if (step.done === true) resolve(step.value);
      return step.done !== true;
    } catch (error) {
      reject(error); // the configuration has been checked: a bug of ours
      return false;
    }
  }).run();
  return promise;
}

function* read(before: DtabText, text: string): Generator<void, DtabText, undefined> {
  const now = yield* before.next(text);
  while (now.dtab.buildNext()) yield;
  return now;
}
