// One sidecar: picks an endpoint, waits no longer than its timeout, judges, and repeats what may be repeated. The order of things is
// that of `router/client-stack` and `router/endpoint-stack`; balancer, accrual, requeues and budgets are the product's own.
import { follow } from "../../src/balance/balancer.ts";
import { causes } from "../../src/core/cause.ts";
import type { DataLoop } from "../../src/core/data-loop.ts";
import type { Downstream, Exchange } from "../../src/core/exchange.ts";
import { Failure } from "../../src/core/failure.ts";
import { Outcome } from "../../src/core/outcome.ts";
import { type Balancer, EndpointStatus } from "../../src/core/picker.ts";
import { accrualCounters } from "../../src/resilience/accrual/accrual.ts";
import { EjectionLimit } from "../../src/resilience/accrual/ejection-cap.ts";
import { SlowStart } from "../../src/resilience/slow-start.ts";
import { Standing, type StandingShared } from "../../src/resilience/standing.ts";
import { accrualPolicy } from "../../src/resilience/accrual/kinds.ts";
import { RetryBudget } from "../../src/resilience/budget.ts";
import { Requeue } from "../../src/resilience/requeue.ts";
import type { Scope } from "../../src/telemetry/registry.ts";
import { Attempt } from "./attempt.ts";
import { SimulatedEndpoint } from "./endpoint.ts";
import { Answer, type Instance } from "./instance.ts";
import type { Policy } from "./policies.ts";
import type { Recorder } from "./recorder.ts";
import type { Wires } from "./wires.ts";

/** What clients share. */
export interface ClientShared {
  readonly loop: DataLoop;
  readonly wires: Wires;
  readonly policy: Policy;
  readonly recorder: Recorder;
  /** After this long nothing is retried. Without it a request that takes longer than the timeout everywhere is retried for ever. */
  readonly patienceMs: number;
}

/** A request on its way. */
interface Request {
  readonly exchange: Exchange;
  readonly sizeMs: number;
  retries: number;
}

const failures = {
  refused: new Failure(causes.connectRefused),
  reset: new Failure(causes.reset),
  timeout: new Failure(causes.attemptTimeout),
};
// Nothing in the simulation has a body, so that everything can be sent again.
const caller = { canReplay: () => true } as unknown as Downstream; // requeues ask nothing else of it
const nobody = { died: () => undefined, revived: () => undefined };
const noRequeues = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 0 };

export class Client {
  readonly #shared: ClientShared;
  readonly #balancer: Balancer<SimulatedEndpoint>;
  readonly #requeue: Requeue;
  readonly #retryBudget: RetryBudget | null;
  readonly #standings: StandingShared;

  constructor(shared: ClientShared, balancer: Balancer<SimulatedEndpoint>, scope: Scope) {
    const { policy, loop } = shared;
    this.#shared = shared;
    this.#balancer = balancer;
    this.#requeue = new Requeue(policy.requeues ?? noRequeues, loop, scope.scope("retries"));
    this.#retryBudget = policy.retries.at === "budget" ? new RetryBudget(policy.retries.spec, loop.nowMs) : null;
    const nodes = () => this.#balancer.nodes;
    const accruals = scope.scope("failure_accrual");
    this.#standings = {
      counters: accrualCounters(accruals),
      cap: new EjectionLimit(policy.maxEjectionPercent, nodes, accruals.counter("ejections_capped")),
      slowStart: new SlowStart(policy.slowStartMs, loop.random, nodes),
    };
  }

  /** What discovery says. */
  update(instances: readonly Instance[]): void {
    const { loop, policy } = this.#shared;
    const members = instances.map((instance) => ({ key: instance.key, weight: 1, instance }));
    follow(this.#balancer, members, ({ instance }, cell) => {
      const standing = new Standing(accrualPolicy(policy.accrual, loop.random, loop.nowMs), this.#standings, nobody);
      if (this.#balancer.nodes.length > 0) standing.ramp(loop.nowMs); // with the first set there are no others
      return new SimulatedEndpoint(instance, cell, standing);
    });
  }

  /** A request comes. */
  begin(sizeMs: number): void {
    const { loop } = this.#shared;
    loop.tick();
    const exchange = loop.exchanges.take();
    exchange.downstream = caller;
    exchange.startMs = loop.nowMs;
    this.#earn("requests");
    this.#attempt({ exchange, sizeMs, retries: 0 });
  }

  #attempt(request: Request): void {
    const { loop, wires, recorder } = this.#shared;
    const endpoint = this.#balancer.pick(loop.nowMs);
    if (endpoint === null) return this.#end(request, Outcome.failure);
    request.exchange.attempts++;
    recorder.attempts++;
    endpoint.instance.picked++;
    endpoint.cell.start(loop.nowMs);
    endpoint.accrual.started(loop.nowMs);
    const attempt = new Attempt(wires, endpoint.instance, loop.nowMs, request.sizeMs, (answer) =>
      this.#answered(request, endpoint, attempt, answer),
    );
    attempt.send();
  }

  /** @param answer null when none came in time. */
  #answered(request: Request, endpoint: SimulatedEndpoint, attempt: Attempt, answer: Answer | null): void {
    const { loop, policy } = this.#shared;
    const { exchange } = request;
    loop.tick();
    if (answer === Answer.ok) endpoint.accrual.succeeded(loop.nowMs);
    else endpoint.accrual.failed(loop.nowMs);
    endpoint.cell.end(loop.nowMs, attempt.startMs, answer !== Answer.ok);
    if (answer === Answer.ok) return this.#end(request, Outcome.success);
    exchange.failure = failureOf(answer);
    exchange.outcome = Outcome.failure;
    if (policy.requeues !== null && exchange.failure !== null && this.#mayRequeue(exchange))
      return this.#again(request);
    if (this.#mayRetry(request)) return this.#again(request);
    this.#end(request, Outcome.failure);
  }

  #mayRequeue(exchange: Exchange): boolean {
    return this.#requeue.allows(exchange, this.#balancer.status(this.#shared.loop.nowMs) === EndpointStatus.open);
  }

  #mayRetry(request: Request): boolean {
    const { policy, patienceMs, loop } = this.#shared;
    const { retries } = policy;
    if (retries.at === "none" || loop.nowMs - request.exchange.startMs >= patienceMs) return false;
    if (retries.at === "always") return request.retries++ < retries.times;
    return this.#retryBudget!.tryWithdraw(loop.nowMs);
  }

  #earn(by: "requests" | "successes"): void {
    const { policy, loop } = this.#shared;
    if (policy.retries.at === "budget" && policy.retries.earnedBy === by) this.#retryBudget!.deposit(loop.nowMs);
  }

  #again(request: Request): void {
    request.exchange.failure = null;
    request.exchange.outcome = Outcome.success;
    this.#attempt(request);
  }

  #end({ exchange }: Request, outcome: Outcome): void {
    const { loop, recorder } = this.#shared;
    exchange.outcome = outcome;
    if (outcome === Outcome.success) this.#earn("successes");
    this.#requeue.ended(exchange);
    recorder.ended(exchange.startMs, loop.nowMs - exchange.startMs, outcome === Outcome.success);
    loop.exchanges.give(exchange);
  }
}

/** An answer 503 is an answer: there is no failure that could be requeued. */
function failureOf(answer: Answer | null): Failure | null {
  if (answer === null) return failures.timeout;
  if (answer === Answer.refused) return failures.refused;
  return answer === Answer.reset ? failures.reset : null;
}
