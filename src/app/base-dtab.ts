// The base dtab of a router through all reloads: what its interpreter keeps elsewhere, then what stands in the file (linkerd1 §3.3).
import type { Env } from "../base/env.ts";
import { Activity } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import { Source } from "../core/var.ts";
import { dtabFile } from "../namers/fs/dtab-file.ts";
import { DtabText } from "../naming/dtab-text.ts";
import { Slices } from "../naming/slices.ts";
import type { Logger } from "../telemetry/log.ts";
import type { RouterConfig } from "./config.ts";
import { reported } from "./namers.ts";

/** A dtab that follows its configuration. */
export class BaseDtab implements Disposable {
  /** The whole. */
  readonly live: Activity<Dtab>;
  readonly #env: Env;
  readonly #logger: Logger;
  #text: DtabText;
  readonly #written: Source<Dtab>;
  /** What the interpreter keeps in a file of its own; null when it keeps nothing. */
  readonly #stored: Source<Activity<Dtab> | null>;
  #storedIn: string | undefined;
  #reading: Slices | null = null;

  constructor(config: RouterConfig, env: Env, logger: Logger) {
    this.#env = env;
    this.#logger = logger;
    this.#text = wholeOf(DtabText.empty.next(config.dtab));
    this.#written = new Source(this.#text.dtab);
    this.#storedIn = fileOf(config);
    this.#stored = new Source(this.#storedDtab());
    const written = new Activity(this.#written.map((value) => ({ at: "ok", value })));
    const states = this.#stored.flatMap((stored) =>
      stored === null ? written.states : stored.flatMap((first) => written.map((then) => first.concat(then))).states,
    );
    this.live = new Activity(states);
  }

  /** As another configuration has it; what is written as before is not read again. Not to be called again before it is done. */
  async follow(config: RouterConfig): Promise<void> {
    const file = fileOf(config);
    if (file !== this.#storedIn) {
      this.#storedIn = file;
      this.#stored.set(this.#storedDtab());
    }
    if (config.dtab === this.#text.text) return;
    this.#text = await this.#readSlowly(config.dtab);
    this.#written.set(this.#text.dtab);
  }

  [Symbol.dispose](): void {
    this.#reading?.[Symbol.dispose]();
  }

  #storedDtab(): Activity<Dtab> | null {
    const file = this.#storedIn;
    return file === undefined ? null : dtabFile(file, this.#env, reported(this.#logger, "rules"));
  }

  #readSlowly(text: string): Promise<DtabText> {
    const { promise, reject, resolve } = Promise.withResolvers<DtabText>();
    const reading = this.#text.next(text);
    this.#reading = new Slices(this.#env, () => {
      try {
        const step = reading.next();
        if (step.done === true) resolve(step.value);
        return step.done !== true;
      } catch (error) {
        reject(error); // the configuration has been checked: a bug of ours
        return false;
      }
    });
    this.#reading.run();
    return promise;
  }
}

function fileOf({ interpreter }: RouterConfig): string | undefined {
  return interpreter.kind === "default" ? undefined : interpreter.dtabFile;
}

function wholeOf(reading: Generator<void, DtabText, undefined>): DtabText {
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}
