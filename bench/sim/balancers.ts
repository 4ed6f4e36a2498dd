// The balancers compared. A new kind of the product comes in by a line here.
import type { Env } from "../../src/base/env.ts";
import { type BalancerSpec, createBalancer } from "../../src/balance/balancer.ts";
import type { Balancer } from "../../src/core/picker.ts";
import type { Scope } from "../../src/telemetry/registry.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";
import { RandomChoice } from "./rivals/random.ts";
import { type Probe, Prequal } from "./rivals/prequal.ts";

/** What a balancer may use. */
export interface Surroundings {
  readonly env: Env;
  readonly scope: Scope;
  readonly probe: Probe<SimulatedEndpoint>;
}

export interface Contender {
  readonly name: string;
  readonly doc: string;
  /** Whether instances must keep what probes ask for. */
  readonly probes: boolean;
  make(surroundings: Surroundings): Balancer<SimulatedEndpoint>;
}

const nobody = { left: () => undefined, expired: () => undefined };
const common = { maxEffort: 5, enableProbation: false };

function product(name: string, doc: string, spec: BalancerSpec): Contender {
  return { name, doc, probes: false, make: ({ env, scope }) => createBalancer(spec, env, scope, nobody) };
}

/** The product's kinds have their defaults. */
export const contenders: readonly Contender[] = [
  product("p2c", "The better of two, by requests in flight; the default.", { kind: "p2c", ...common }),
  product("ewma", "The better of two, by peak latency and requests in flight.", {
    kind: "ewma",
    ...common,
    decayTimeMs: 10_000,
  }),
  product(
    "bestOf",
    "`fairlead.bestOf`: the best of five, by mean latency, age of what waits, requests in flight and failures.",
    {
      kind: "fairlead.bestOf",
      ...common,
      choices: 5,
      answers: 20,
      decayTimeMs: 10_000,
    },
  ),
  product("heap", "The one with the fewest requests in flight of all.", { kind: "heap", enableProbation: false }),
  product("roundRobin", "One after the other.", { kind: "roundRobin", ...common }),
  product("aperture", "The better of two among as many as the load needs.", {
    kind: "aperture",
    ...common,
    smoothWindowMs: 5_000,
    lowLoad: 0.5,
    highLoad: 2,
    minAperture: 1,
    minDeterministicAperture: 12,
  }),
  {
    name: "random",
    doc: "Any one. Not in the product.",
    probes: false,
    make: ({ env }) => new RandomChoice(env.random),
  },
  {
    name: "prequal",
    doc: "Asks three instances per request how they are, and chooses among the last sixteen answers. Not in the product.",
    probes: true,
    make: ({ env, probe }) => new Prequal(env.random, () => env.clock.nowMs(), probe),
  },
];
