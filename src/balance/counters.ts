// What a balancer counts, and what it shows when someone looks (linkerd1 §6.2, finagle §9).
import type { Clock } from "../base/clock.ts";
import type { Balancer, BalancerNode } from "../core/picker.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

export interface BalancerCounters {
  readonly adds: Counter;
  readonly removes: Counter;
  readonly updates: Counter;
  /** Picks that gave up and drew once more. */
  readonly rebuilds: Counter;
  readonly maxEffortExhausted: Counter;
  /** Picks between two nodes without load. */
  readonly zero: Counter;
  readonly busyWeightClasses: Counter;
}

/** The counters of one balancer below its own scope, `…/loadbalancer`. */
export function balancerCounters(scope: Scope): BalancerCounters {
  return {
    adds: scope.counter("adds"),
    removes: scope.counter("removes"),
    updates: scope.counter("updates"),
    rebuilds: scope.counter("rebuilds"),
    maxEffortExhausted: scope.counter("max_effort_exhausted"),
    zero: scope.scope("p2c").counter("zero"),
    busyWeightClasses: scope.counter("busy_weight_classes"),
  };
}

/** Gauges over all nodes, computed when read. */
export function registerBalancerGauges<N extends BalancerNode>(
  scope: Scope,
  balancer: Balancer<N>,
  clock: Clock,
): void {
  scope.gauge("size", () => balancer.nodes.length);
  scope.gauge("available", () => balancer.census(clock.nowMs()).available);
  scope.gauge("busy", () => balancer.census(clock.nowMs()).busy);
  scope.gauge("closed", () => balancer.census(clock.nowMs()).closed);
  scope.gauge("load", () => balancer.census(clock.nowMs()).load);
  scope.gauge("meanweight", () => balancer.census(clock.nowMs()).meanWeight);
  scope.gauge("num_weight_classes", () => balancer.census(clock.nowMs()).weightClasses);
}
