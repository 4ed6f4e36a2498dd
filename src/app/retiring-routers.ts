// Routers that were replaced: they finish what they have begun, and what they no longer need for that is taken apart, a little at a time. A
// tunnel may last for days; it must not keep five thousand names and their connections.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import { Slices } from "../naming/slices.ts";
import type { MetricsRegistry, Scope } from "../telemetry/registry.ts";
import type { RunningRouter } from "./router.ts";

/** A router that is still busy is looked at so often. */
const LOOK_MS = 100;
/** So long the figures of its clients and services stay for its successor, which makes its own when the first request for them comes. */
const FIGURES_MS = 60_000;

/** What is asked of the data plane. */
export interface RetirementParts {
  readonly env: Env;
  readonly metrics: MetricsRegistry;
  /** May exchanges still come to it? */
  readonly isReachable: (running: RunningRouter) => boolean;
  /** Is it busy with some? */
  readonly isActive: (running: RunningRouter) => boolean;
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
    if (this.#parts.isReachable(running)) return this.#later(running);
    const slices = new Slices(this.#parts.env, () => this.#takeApart(running));
    this.#all.set(running, slices);
    slices.run();
    return undefined;
  }

  #later(running: RunningRouter): void {
    this.#all.set(
      running,
      this.#parts.env.timers.after(LOOK_MS, () => this.add(running)),
    );
  }

  #takeApart(running: RunningRouter): boolean {
    return this.#parts.metrics.keepReleased(this.#figures, () => {
      if (running.router.bindings.closeNext()) return true;
      if (this.#parts.isActive(running)) this.#later(running);
      else this.#ended(running);
      return false;
    });
  }

  #ended(running: RunningRouter): void {
    const { closed, env, knows, metrics } = this.#parts;
    running.close();
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
