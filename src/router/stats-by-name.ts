// Statistics per name, shared by all who count under it: a name that is bound with and without an override is one name in the metrics.
import type { Scope } from "../telemetry/registry.ts";
import { RequestStats } from "./request-stats.ts";

interface Entry {
  readonly stats: RequestStats;
  readonly scope: Scope;
  uses: number;
}

/** Kept as long as somebody uses them; of those that nobody uses a bounded number stays, because names may come back, and may be made up. */
export class StatsByName {
  readonly #scopeOf: (name: string) => Scope;
  readonly #maxIdle: number;
  readonly #used = new Map<string, Entry>();
  /** Unused ones, the longest unused first. */
  readonly #idle = new Map<string, Entry>();

  /**
   * @param scopeOf where the statistics of a name stand; removed with them.
   * @param maxIdle how many unused ones are kept.
   */
  constructor(scopeOf: (name: string) => Scope, maxIdle: number) {
    this.#scopeOf = scopeOf;
    this.#maxIdle = maxIdle;
  }

  /** The statistics of a name; `give` follows once for each call. */
  take(name: string): RequestStats {
    const entry = this.#used.get(name) ?? this.#takeIdle(name) ?? this.#make(name);
    entry.uses++;
    return entry.stats;
  }

  give(name: string): void {
    const entry = this.#used.get(name);
    if (entry === undefined || --entry.uses > 0) return;
    this.#used.delete(name);
    this.#idle.set(name, entry);
    if (this.#idle.size > this.#maxIdle) this.#forgetOldest();
  }

  #takeIdle(name: string): Entry | undefined {
    const entry = this.#idle.get(name);
    if (entry === undefined) return undefined;
    this.#idle.delete(name);
    this.#used.set(name, entry);
    return entry;
  }

  #make(name: string): Entry {
    const scope = this.#scopeOf(name);
    const entry = { stats: new RequestStats(scope), scope, uses: 0 };
    this.#used.set(name, entry);
    return entry;
  }

  #forgetOldest(): void {
    for (const [name, { scope }] of this.#idle) {
      this.#idle.delete(name);
      scope.prune();
      return;
    }
  }
}
