// The balancers compared. A new kind of the product comes in by a line here.
import type { Env } from "../../src/base/env.ts";
import { type BalancerSpec, createBalancer } from "../../src/balance/balancer.ts";
import type { Balancer } from "../../src/core/picker.ts";
import type { Scope } from "../../src/telemetry/registry.ts";
import type { SimulatedEndpoint } from "./endpoint.ts";
import { BestOf } from "./rivals/best-of.ts";
import { FewestInFlight, RandomChoice, RoundRobin } from "./rivals/plain.ts";
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

function product(name: string, doc: string, spec: BalancerSpec): Contender {
  return { name, doc, probes: false, make: ({ env, scope }) => createBalancer(spec, env, scope) };
}

export const contenders: readonly Contender[] = [
  product("p2c", "The better of two, by requests in flight; the default.", { kind: "p2c", maxEffort: 5 }),
  product("ewma", "The better of two, by peak latency and requests in flight.", {
    kind: "ewma",
    maxEffort: 5,
    decayTimeMs: 10_000,
  }),
  {
    name: "best-of-5",
    doc: "The best of five, by mean latency of the last answers, age of what is waiting, and requests in flight. A proposal.",
    probes: false,
    make: ({ env }) => new BestOf({ choices: 5, answers: 20, decayMs: 10_000, maxEffort: 5 }, env.random),
  },
  {
    name: "random",
    doc: "Any one. Not in the product.",
    probes: false,
    make: ({ env }) => new RandomChoice(env.random),
  },
  {
    name: "round-robin",
    doc: "One after the other.",
    probes: false,
    make: ({ env }) => new RoundRobin(env.random),
  },
  {
    name: "least-loaded",
    doc: "The fewest requests in flight of all, found by looking at all.",
    probes: false,
    make: ({ env }) => new FewestInFlight(env.random),
  },
  {
    name: "prequal",
    doc: "Asks three instances per request how they are, and chooses among the last sixteen answers. Not in the product.",
    probes: true,
    make: ({ env, probe }) => new Prequal(env.random, () => env.clock.nowMs(), probe),
  },
];
