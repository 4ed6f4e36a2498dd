// One run: a scenario, a balancer, a set of policies and a seed make one result, always the same.
import { DataLoop } from "../../src/core/data-loop.ts";
import { MetricsRegistry } from "../../src/telemetry/registry.ts";
import type { Contender } from "./balancers.ts";
import { Client } from "./client.ts";
import { exponential, serviceTimes, streamOf } from "./dice.ts";
import { type EventHandler, EventQueue, simulatedEnv } from "./event-queue.ts";
import { schedule } from "./faults.ts";
import { Instance } from "./instance.ts";
import { LatencyBook } from "./latency-book.ts";
import type { Policy } from "./policies.ts";
import { proberOver } from "./probes.ts";
import { Recorder, type RunResult } from "./recorder.ts";
import type { Scenario } from "./scenario.ts";
import { wiresOf } from "./wires.ts";

/** Callers wait for retries so many times as long as for one attempt. */
const PATIENCE = 3;

export function simulate(scenario: Scenario, contender: Contender, policy: Policy, seed: number): RunResult {
  const queue = new EventQueue();
  const recorder = new Recorder(scenario.durationMs);
  const instances = instancesOf(scenario, queue, seed, contender.probes);
  const clients = clientsOf(scenario, contender, policy, seed, queue, recorder);
  const present = new Set(instances);
  const tell = (): void => {
    for (const client of clients) client.update([...present]);
  };
  tell();
  const theatre = {
    queue,
    random: streamOf(seed, "faults"),
    instances,
    endMs: scenario.durationMs,
    left: (instance: Instance): void => {
      present.delete(instance);
      tell();
    },
    joined: (instance: Instance): void => {
      present.add(instance);
      tell();
    },
  };
  for (const fault of scenario.faults) schedule(fault, theatre);
  const arrivals = new Arrivals(scenario, seed, queue, recorder, clients);
  while (!arrivals.over || recorder.inFlight > 0) if (!queue.runNext()) throw new Error("requests were forgotten");
  return recorder.result(instances.map((instance) => instance.picked));
}

function instancesOf(scenario: Scenario, queue: EventQueue, seed: number, probes: boolean): Instance[] {
  const random = streamOf(seed, "answers");
  return Array.from({ length: scenario.instances.count }, (_, slot) => {
    const instance = new Instance(slot, scenario.instances, queue, random);
    if (probes) instance.book = new LatencyBook();
    return instance;
  });
}

function clientsOf(
  scenario: Scenario,
  contender: Contender,
  policy: Policy,
  seed: number,
  queue: EventQueue,
  recorder: Recorder,
): Client[] {
  const wires = wiresOf(queue, scenario.oneWayMs, scenario.timeoutMs);
  const probe = contender.probes ? proberOver(queue, scenario.oneWayMs) : () => undefined;
  const env = simulatedEnv(queue, streamOf(seed, "health"));
  const shared = { loop: new DataLoop(env), wires, policy, recorder, patienceMs: PATIENCE * scenario.timeoutMs };
  const { root } = new MetricsRegistry(env);
  return Array.from({ length: scenario.clients }, (_, n) => {
    const scope = root.scope("rt", "sim", "client", `${n}`);
    const own = simulatedEnv(queue, streamOf(seed, "clients", n));
    return new Client(shared, contender.make({ env: own, scope: scope.scope("loadbalancer"), probe }), scope);
  });
}

/** Requests, at random moments, each to a random client. */
class Arrivals implements EventHandler {
  over = false;
  readonly #scenario: Scenario;
  readonly #queue: EventQueue;
  readonly #recorder: Recorder;
  readonly #clients: readonly Client[];
  readonly #random;
  readonly #sizeMs: () => number;

  constructor(scenario: Scenario, seed: number, queue: EventQueue, recorder: Recorder, clients: readonly Client[]) {
    this.#scenario = scenario;
    this.#queue = queue;
    this.#recorder = recorder;
    this.#clients = clients;
    this.#random = streamOf(seed, "arrivals");
    this.#sizeMs = serviceTimes(scenario.service, streamOf(seed, "service"));
    this.#next();
  }

  on(): void {
    if (this.#queue.nowMs >= this.#scenario.durationMs) {
      this.over = true;
      return;
    }
    const client = this.#clients[this.#random.int(this.#clients.length)]!;
    this.#recorder.began();
    client.begin(this.#sizeMs());
    this.#next();
  }

  #next(): void {
    this.#queue.after(exponential(1000 / this.#rate(), this.#random), this, 0);
  }

  #rate(): number {
    const { nowMs } = this.#queue;
    const burst = this.#scenario.bursts.find(({ fromMs, toMs }) => nowMs >= fromMs && nowMs < toMs);
    return (burst ?? this.#scenario).requestsPerSec;
  }
}
