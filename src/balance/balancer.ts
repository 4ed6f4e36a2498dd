// Balancers by kind, and the one way their membership follows discovery (linkerd1 §6.2).
import type { Env } from "../base/env.ts";
import type { Infer } from "../config/schema.ts";
import type { Balancer, BalancerNode, LoadCell } from "../core/picker.ts";
import type { Scope } from "../telemetry/registry.ts";
import { ApertureCell } from "./aperture-cell.ts";
import { registerApertureGauges, registerBandGauges, registerVectorHash } from "./aperture-gauges.ts";
import { ApertureGroup } from "./aperture.ts";
import { BestOfGroup } from "./best-of.ts";
import type { loadBalancer } from "./config.ts";
import { type BalancerCounters, balancerCounters, registerBalancerGauges } from "./counters.ts";
import { Expiry } from "./expiry.ts";
import type { Group, Kind } from "./group.ts";
import { HeapCell, HeapGroup } from "./heap.ts";
import { LeastLoaded, PeakEwma } from "./load.ts";
import { LoadBand } from "./load-band.ts";
import { MeanLatency } from "./mean-latency.ts";
import { P2cGroup } from "./p2c.ts";
import { RingApertureGroup } from "./ring-aperture.ts";
import { RoundRobinGroup } from "./round-robin.ts";
import { WeightedBalancer } from "./weighted-balancer.ts";

/** The `loadBalancer` of a client. */
export type BalancerSpec = Infer<typeof loadBalancer>;
type SpecOf<K extends BalancerSpec["kind"]> = Extract<BalancerSpec, { readonly kind: K }>;

/** Told what a balancer finds while it picks. What is done about it must not pick in the same turn. */
export interface BalancerOwner<N extends BalancerNode> {
  /** The node is no member any more, as with an update: to be drained. */
  left(node: N): void;
  /** The node is a member that gets no requests for now: its idle sessions may go. */
  expired(node: N): void;
}

/** What makes a balancer of any kind. */
interface Making<N extends BalancerNode> {
  readonly env: Env;
  readonly scope: Scope;
  readonly counters: BalancerCounters;
  readonly owner: BalancerOwner<N>;
}

/**
 * A balancer without members, with its metrics.
 * @param scope the balancer's own: `rt/<router>/client/<bound>/loadbalancer`.
 */
export function createBalancer<N extends BalancerNode>(
  spec: BalancerSpec,
  env: Env,
  scope: Scope,
  owner: BalancerOwner<N>,
): Balancer<N> {
  const making = { env, scope, counters: balancerCounters(scope), owner };
  const balancer = balancerOf(spec, making);
  registerBalancerGauges(scope, balancer, env.clock);
  scope.scope("algorithm").gauge(algorithmOf(spec), () => 1);
  return balancer;
}

/** As Finagle names them (finagle §2.1). */
function algorithmOf({ kind }: BalancerSpec): string {
  const names = {
    p2c: "p2c_least_loaded",
    ewma: "p2c_peak_ewma",
    aperture: "aperture_least_loaded",
    heap: "heap_least_loaded",
    roundRobin: "round_robin",
    "fairlead.bestOf": "best_of_mean_latency",
  };
  return names[kind];
}

function balancerOf<N extends BalancerNode>(spec: BalancerSpec, making: Making<N>): Balancer<N> {
  const { counters, env } = making;
  switch (spec.kind) {
    case "aperture":
      return spec.peer === undefined ? randomAperture(spec, making) : ringAperture(spec, spec.peer, making);
    case "heap":
      return weighted(spec, making, {
        newCell: () => new HeapCell(),
        newGroup: () => new HeapGroup<N>(env.random, counters),
      });
    case "roundRobin":
      return weighted(spec, making, {
        newCell: () => new LeastLoaded(),
        newGroup: () => new RoundRobinGroup<N>(spec.maxEffort, counters),
      });
    case "fairlead.bestOf":
      return weighted(spec, making, {
        newCell: () => new MeanLatency(spec.answers, spec.decayTimeMs),
        newGroup: () => new BestOfGroup<N>(spec.choices, spec.maxEffort, env.random, counters),
      });
    case "p2c":
    case "ewma":
      return weighted(spec, making, {
        newCell: spec.kind === "ewma" ? () => new PeakEwma(spec.decayTimeMs) : () => new LeastLoaded(),
        newGroup: () => new P2cGroup<N>(spec.maxEffort, env.random, counters),
      });
  }
}

function randomAperture<N extends BalancerNode>(spec: SpecOf<"aperture">, making: Making<N>): Balancer<N> {
  const { counters, env, scope } = making;
  const expiring = expiryOf(spec, making);
  const band = scope.scope("loadband");
  const steps = { widen: band.counter("widen"), narrow: band.counter("narrow") };
  const balancer = weighted(spec, making, {
    newCell: () => new ApertureCell(env.random.bits32()),
    newGroup: () => new ApertureGroup<N>(spec.maxEffort, env.random, counters, new LoadBand(spec, steps), expiring()),
  });
  registerApertureGauges(scope, balancer);
  registerBandGauges(scope, balancer);
  return balancer;
}

function ringAperture<N extends BalancerNode>(
  spec: SpecOf<"aperture">,
  peer: NonNullable<SpecOf<"aperture">["peer"]>,
  making: Making<N>,
): Balancer<N> {
  const { counters, env, scope } = making;
  const expiring = expiryOf(spec, making);
  const balancer = weighted(spec, making, {
    newCell: () => new ApertureCell(0),
    newGroup: () => {
      const { maxEffort, minDeterministicAperture } = spec;
      return new RingApertureGroup<N>(peer, minDeterministicAperture, maxEffort, env.random, counters, expiring());
    },
  });
  registerApertureGauges(scope, balancer);
  registerVectorHash(scope, balancer);
  return balancer;
}

function expiryOf<N extends BalancerNode>(spec: SpecOf<"aperture">, { owner, scope }: Making<N>): () => Expiry<N> {
  const shared = { expired: scope.counter("expired"), expire: (node: N) => owner.expired(node) };
  return () => new Expiry<N>(spec.smoothWindowMs, shared);
}

function weighted<N extends BalancerNode, G extends Group<N>>(
  spec: BalancerSpec,
  { counters, env, owner }: Making<N>,
  kind: Kind<N, G>,
): WeightedBalancer<N, G> {
  const probation = { enabled: spec.enableProbation, left: (node: N) => owner.left(node) };
  return new WeightedBalancer(kind, probation, env.random, counters);
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
