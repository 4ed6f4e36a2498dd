// Balancers by kind, and the one way their membership follows discovery (linkerd1 §6.2).
import type { Env } from "../base/env.ts";
import type { Balancer, BalancerNode, LoadCell } from "../core/picker.ts";
import type { Scope } from "../telemetry/registry.ts";
import { balancerCounters, registerBalancerGauges } from "./counters.ts";
import { LeastLoaded, PeakEwma } from "./load.ts";
import { P2cBalancer } from "./p2c.ts";

/** The `loadBalancer` of a client, as far as balancing needs it. */
export type BalancerSpec =
  | { readonly kind: "p2c"; readonly maxEffort: number }
  | { readonly kind: "ewma"; readonly maxEffort: number; readonly decayTimeMs: number };

/**
 * A balancer without members, with its metrics.
 * @param scope the balancer's own: `rt/<router>/client/<bound>/loadbalancer`.
 */
export function createBalancer<N extends BalancerNode>(spec: BalancerSpec, env: Env, scope: Scope): Balancer<N> {
  const options = { maxEffort: spec.maxEffort, newCell: cellOf(spec) };
  const balancer = new P2cBalancer<N>(options, env.random, balancerCounters(scope));
  registerBalancerGauges(scope, balancer, env.clock);
  return balancer;
}

function cellOf(spec: BalancerSpec): () => LoadCell {
  return spec.kind === "ewma" ? () => new PeakEwma(spec.decayTimeMs) : () => new LeastLoaded();
}

/** What discovery says of one endpoint. */
interface Member {
  readonly key: string;
  readonly weight: number;
}

/**
 * Makes the balancer's members those that discovery names: nodes that stay are kept, with their sessions, load and health; new ones
 * are made. Returns the nodes that left, for the caller to drain.
 */
export function follow<M extends Member, N extends BalancerNode>(
  balancer: Balancer<N>,
  members: readonly M[],
  make: (member: M, cell: LoadCell) => N,
): readonly N[] {
  const nodes = new Map<string, N>();
  for (const member of members) {
    if (nodes.has(member.key)) continue;
    const node = balancer.get(member.key) ?? make(member, balancer.newCell());
    node.weight = member.weight;
    nodes.set(member.key, node);
  }
  return balancer.update([...nodes.values()]);
}
