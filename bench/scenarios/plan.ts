// What is done to the ten backends, and when.
import { seededRandom, shuffled } from "../load/statistics.ts";

export type Protocol = "http" | "grpc";

export const PROTOCOLS: readonly Protocol[] = ["http", "grpc"];

export const BACKENDS = 10;

/** How a backend behaves. */
export type Fault = "none" | "stop" | "slow" | "reset" | "garbage" | "blackhole" | "flap" | "errors" | "brownout";

/** One fault at some of the backends. */
export interface Scenario {
  readonly name: string;
  readonly fault: Fault;
  /** How many of the ten have it. */
  readonly count: number;
  readonly says: string;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "stop", fault: "stop", count: 2, says: "2 of 10 close their port and drop their connections, as if killed" },
  { name: "slow", fault: "slow", count: 2, says: "2 of 10 answer 200 ms later" },
  { name: "reset", fault: "reset", count: 2, says: "2 of 10 take requests and reset the connection" },
  { name: "garbage", fault: "garbage", count: 2, says: "2 of 10 answer with bytes that are no HTTP" },
  { name: "blackhole", fault: "blackhole", count: 2, says: "2 of 10 accept everything and say nothing" },
  { name: "flap", fault: "flap", count: 2, says: "2 of 10 stop for 2 s, are back for 2 s, and so on" },
  { name: "errors", fault: "errors", count: 2, says: "2 of 10 fail at once (503, UNAVAILABLE)" },
  {
    name: "brownout",
    fault: "brownout",
    count: BACKENDS,
    says: "all 10 fail a third of their requests, in the same way",
  },
  { name: "outage", fault: "errors", count: BACKENDS, says: "all 10 fail every request, in the same way" },
];

/** How long a slow backend takes longer than usual, and how long a flapping one is up or down. */
export const SLOW_BY_MS = 200;
export const FLAP_EVERY_MS = 2000;

/** When what happens, in ms from the first request that counts. */
export interface Timeline {
  readonly warmUpMs: number;
  readonly faultMs: number;
  readonly mendedMs: number;
  readonly endMs: number;
}

/** A fifth of the time before the fault, two fifths with it, two fifths after. */
export function timelineOf(seconds: number): Timeline {
  const ms = seconds * 1000;
  return { warmUpMs: 4000, faultMs: ms * 0.2, mendedMs: ms * 0.6, endMs: ms };
}

/** Which backends have the fault: chance from the seed, the same for every proxy. */
export function victimsOf(scenario: Scenario, seed: number): number[] {
  const all = Array.from({ length: BACKENDS }, (_, i) => i);
  return shuffled(all, seededRandom(seed)).slice(0, scenario.count);
}

/** Every fifth request is a write: it may not be processed twice. */
export function isWrite(index: number): boolean {
  return index % 5 === 4;
}
