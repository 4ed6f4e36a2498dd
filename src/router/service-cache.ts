// @hot A cache of live, watched objects (linkerd1 §1.4, finagle §1.10): bounded, least-idle kept, swept by age. When it is
// full and nothing is idle, a one-shot object serves the request and is closed after it.
import { type TimerOwner, type TimerWheel, WheelTimer } from "../base/timer-wheel.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

/** Something that can be cached. Links and counts belong to the cache. */
export abstract class Cached {
  readonly key: string;
  /** Users at the moment; 0 means idle. */
  uses = 0;
  idleSinceMs = 0;
  cached = false;
  next: Cached | null = null;
  previous: Cached | null = null;

  constructor(key: string) {
    this.key = key;
  }

  /** Releases what it holds. */
  abstract close(): void;
}

/** Bounds of a cache. */
export interface CacheLimits {
  readonly size: number;
  readonly idleTtlMs: number;
}

/** Objects by key, in order of their last use. */
export class ServiceCache<T extends Cached> implements TimerOwner {
  readonly #limits: CacheLimits;
  readonly #nowMs: () => number;
  readonly #wheel: TimerWheel;
  readonly #timer = new WheelTimer(this);
  readonly #byKey = new Map<string, T>();
  // Idle entries, the longest idle first.
  #oldest: Cached | null = null;
  #newest: Cached | null = null;
  readonly #misses: Counter;
  readonly #evicts: Counter;
  readonly #expires: Counter;
  readonly #oneshots: Counter;

  constructor(limits: CacheLimits, nowMs: () => number, wheel: TimerWheel, scope: Scope) {
    this.#limits = limits;
    this.#nowMs = nowMs;
    this.#wheel = wheel;
    this.#misses = scope.counter("misses");
    this.#evicts = scope.counter("evicts");
    this.#expires = scope.counter("expires");
    this.#oneshots = scope.counter("oneshots");
  }

  get size(): number {
    return this.#byKey.size;
  }

  values(): IterableIterator<T> {
    return this.#byKey.values();
  }

  /** The object of this key, or undefined; not yet used. */
  peek(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** Takes in a new object, evicting the longest idle one when full; otherwise it becomes a one-shot. */
  add(object: T): void {
    this.#misses.inc();
    if (this.#byKey.size >= this.#limits.size) {
      const victim = this.#oldest;
      if (victim === null) {
        this.#oneshots.inc();
        return;
      }
      this.#evicts.inc();
      this.#remove(victim as T); // the list holds only what `add` took
    }
    object.cached = true;
    this.#byKey.set(object.key, object);
    this.#link(object);
    if (!this.#timer.armed && this.#limits.idleTtlMs > 0) this.#wheel.arm(this.#timer, this.#limits.idleTtlMs);
  }

  /** One more user. */
  use(object: T): void {
    if (object.uses++ === 0 && object.cached) this.#unlink(object);
  }

  /** One user less. A one-shot without users is closed. */
  release(object: T): void {
    if (--object.uses > 0) return;
    if (!object.cached) {
      object.close();
      return;
    }
    object.idleSinceMs = this.#nowMs();
    this.#link(object);
  }

  /** Closes the longest idle one; false if all are in use. */
  closeOldest(): boolean {
    if (this.#oldest === null) return false;
    this.#remove(this.#oldest as T); // the list holds only what `add` took
    return true;
  }

  /** Closes everything. */
  clear(): void {
    this.#wheel.cancel(this.#timer);
    const all = Array.from(this.#byKey.values());
    this.#byKey.clear();
    for (let i = 0; i < all.length; i++) {
      (all[i] as T).cached = false;
      (all[i] as T).close();
    }
    this.#oldest = null;
    this.#newest = null;
  }

  // The sweep: everything idle for longer than the time to live goes, but the last remaining entry stays.
  onTimer(): void {
    const limit = this.#nowMs() - this.#limits.idleTtlMs;
    while (this.#oldest !== null && this.#oldest.idleSinceMs <= limit && this.#byKey.size > 1) {
      this.#expires.inc();
      this.#remove(this.#oldest as T); // the list holds only what `add` took
    }
    if (this.#byKey.size > 0) this.#wheel.arm(this.#timer, this.#limits.idleTtlMs);
  }

  #remove(object: T): void {
    this.#byKey.delete(object.key);
    this.#unlink(object);
    object.cached = false;
    object.close();
  }

  #link(object: Cached): void {
    object.idleSinceMs = this.#nowMs();
    object.previous = this.#newest;
    object.next = null;
    if (this.#newest === null) this.#oldest = object;
    else this.#newest.next = object;
    this.#newest = object;
  }

  #unlink(object: Cached): void {
    if (object.previous === null && object.next === null && this.#oldest !== object) return;
    if (object.previous === null) this.#oldest = object.next;
    else object.previous.next = object.next;
    if (object.next === null) this.#newest = object.previous;
    else object.next.previous = object.previous;
    object.previous = null;
    object.next = null;
  }
}
