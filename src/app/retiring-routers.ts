// Routers that were replaced: they finish what they have begun, then are taken apart, a little at a time.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import { Slices } from "../naming/slices.ts";
import type { MetricsRegistry, Scope } from "../telemetry/registry.ts";
import type { RunningRouter } from "./router.ts";

/** A router that gets no further exchanges is looked at so often. */
const LOOK_MS = 100;
/** So long the figures of its clients and services stay for its successor, which makes its own when the first request for them comes. */
const FIGURES_MS = 60_000;

/** What is asked of the data plane. */
export interface RetirementParts {
  readonly env: Env;
  readonly metrics: MetricsRegistry;
  /** May exchanges come to it, or is it busy with some? */
  readonly inUse: (running: RunningRouter) => boolean;
  /** Is there another router of this label, now or on its way out? */
  readonly knows: (label: string) => boolean;
  /** It is no more. */
  readonly closed: (running: RunningRouter) => void;
}

/** Every one of them ends by itself. */
export class RetiringRouters implements Iterable<RunningRouter> {
  readonly #parts: RetirementParts;
  readonly #all = new Map<RunningRouter, Disposable>();
  /** Places of figures that nobody holds at the moment. */
  readonly #figures = new Set<Scope>();
  readonly #pruning: Slices;
  #pruneLater: Timer | null = null;

  constructor(parts: RetirementParts) {
    this.#parts = parts;
    this.#pruning = new Slices(parts.env, () => this.#pruneNext());
  }

  [Symbol.iterator](): Iterator<RunningRouter> {
    return this.#all.keys();
  }

  add(running: RunningRouter): void {
    if (this.#parts.inUse(running)) {
      this.#all.set(
        running,
        this.#parts.env.timers.after(LOOK_MS, () => this.add(running)),
      );
      return;
    }
    const slices = new Slices(this.#parts.env, () => this.#takeApart(running));
    this.#all.set(running, slices);
    slices.run();
  }

  #takeApart(running: RunningRouter): boolean {
    return this.#parts.metrics.keepReleased(this.#figures, () => {
      if (running.router.bindings.closeNext()) return true;
      running.close();
      this.#ended(running);
      return false;
    });
  }

  #ended(running: RunningRouter): void {
    const { closed, env, knows, metrics } = this.#parts;
    this.#all.delete(running);
    closed(running);
    const { label } = running.config;
    if (!knows(label)) metrics.root.scope("rt", label).prune();
    this.#pruneLater?.cancel();
    this.#pruneLater = env.timers.after(FIGURES_MS, () => this.#pruning.run());
  }

  #pruneNext(): boolean {
    for (const scope of this.#figures) {
      this.#figures.delete(scope);
      scope.pruneUnheld();
      return true;
    }
    return false;
  }

  /** Closes all of them, whatever they are doing. */
  close(): void {
    for (const [running, next] of this.#all) {
      next[Symbol.dispose]();
      running.close();
    }
    this.#all.clear();
    this.#pruneLater?.cancel();
    this.#pruning[Symbol.dispose]();
  }
}
