// Directory entries as live values, shared by all who look at them; a directory is watched while one of its entries is.
import type { Env } from "../../base/env.ts";
import { SharedVars } from "../../core/shared-vars.ts";
import type { Var } from "../../core/var.ts";
import type { Disk } from "./disk.ts";
import { type EntryState, WatchedDirectory } from "./watched-directory.ts";

/** A directory in use. */
interface Use {
  readonly watched: WatchedDirectory;
  entries: number;
}

export class WatchedEntries {
  readonly #disk: Disk;
  readonly #env: Env;
  readonly #entries = new SharedVars<EntryState>({ at: "pending" });
  readonly #directories = new Map<string, Use>();

  constructor(disk: Disk, env: Env) {
    this.#disk = disk;
    this.#env = env;
  }

  /** @param identity which directory it is that has this path; another one in its place is watched anew. */
  at(directory: string, identity: string, name: string): Var<EntryState> {
    return this.#entries.at(JSON.stringify([directory, identity, name]), (set) =>
      this.#watch(directory, identity, name, set),
    );
  }

  /** What is watched, for people. */
  state(): readonly unknown[] {
    return [...this.#directories.values()].map(({ watched }) => watched.state());
  }

  #watch(directory: string, identity: string, name: string, set: (state: EntryState) => void): Disposable {
    const key = JSON.stringify([directory, identity]);
    const use = this.#directories.get(key) ?? {
      watched: new WatchedDirectory(this.#disk, this.#env, directory),
      entries: 0,
    };
    use.entries++;
    this.#directories.set(key, use);
    const entry = use.watched.add(name, set);
    return {
      [Symbol.dispose]: () => {
        entry[Symbol.dispose]();
        if (--use.entries > 0) return;
        this.#directories.delete(key);
        use.watched[Symbol.dispose]();
      },
    };
  }
}
