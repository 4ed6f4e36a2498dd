// Statistics per name, shared by all who count under it: a name that is bound with and without an override is one name in the metrics.
import type { Scope } from "../telemetry/registry.ts";

interface Entry<T> {
  readonly stats: T;
  readonly scope: Scope;
  uses: number;
}

/** Kept as long as somebody uses them; of those that nobody uses a bounded number stays, because names may come back, and may be made up. */
export class StatsByName<T> {
  readonly #scopeOf: (name: string) => Scope;
  readonly #make: (scope: Scope, name: string) => T;
  readonly #maxIdle: number;
  readonly #used = new Map<string, Entry<T>>();
  /** Unused ones, the longest unused first. */
  readonly #idle = new Map<string, Entry<T>>();

  /**
   * @param scopeOf where the statistics of a name stand; removed with them.
   * @param make makes them.
   * @param maxIdle how many unused ones are kept.
   */
  constructor(scopeOf: (name: string) => Scope, make: (scope: Scope, name: string) => T, maxIdle: number) {
    this.#scopeOf = scopeOf;
    this.#make = make;
    this.#maxIdle = maxIdle;
  }

  /** The statistics of a name; `give` follows once for each call. */
  take(name: string): T {
    const entry = this.#used.get(name) ?? this.#takeIdle(name) ?? this.#new(name);
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

  /** Nobody counts here any longer. */
  close(): void {
    for (const { scope } of this.#used.values()) scope.release();
    for (const { scope } of this.#idle.values()) scope.release();
    this.#used.clear();
    this.#idle.clear();
  }

  #takeIdle(name: string): Entry<T> | undefined {
    const entry = this.#idle.get(name);
    if (entry === undefined) return undefined;
    this.#idle.delete(name);
    this.#used.set(name, entry);
    return entry;
  }

  #new(name: string): Entry<T> {
    const scope = this.#scopeOf(name).hold();
    const entry = { stats: this.#make(scope, name), scope, uses: 0 };
    this.#used.set(name, entry);
    return entry;
  }

  #forgetOldest(): void {
    for (const [name, { scope }] of this.#idle) {
      this.#idle.delete(name);
      scope.release();
      return;
    }
  }
}
