// Active health checks of one endpoint: asked from time to time, whether there are requests or not.
//
//   healthy   ── unhealthyAfter checks in a row fail, and not too many others are out ──▶ unhealthy
//   unhealthy ── healthyAfter checks in a row are good ──▶ healthy
import type { Env } from "../../base/env.ts";
import type { Timer } from "../../base/timers.ts";
import type { ConnectOptions, Transport } from "../../core/byte-stream.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import { isUnixPath } from "../../core/socket-address.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { Scope } from "../../telemetry/registry.ts";
import { grpcQuestion } from "./grpc-question.ts";
import { httpQuestion } from "./http-question.ts";
import { type Finding, NOT_ASKED, Probe } from "./probe.ts";
import type { Question } from "./question.ts";

interface Rhythm {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
}

/** A client's `healthCheck` as configured. */
export type HealthCheckSpec =
  | { readonly kind: "none" }
  | ({ readonly kind: "fairlead.tcp" } & Rhythm)
  | ({
      readonly kind: "fairlead.http";
      readonly path: string;
      readonly host?: string | undefined;
      readonly minStatus: number;
      readonly maxStatus: number;
    } & Rhythm)
  | ({ readonly kind: "fairlead.grpc"; readonly service: string; readonly host?: string | undefined } & Rhythm);

/** Checks there are. */
export type ActiveCheck = Exclude<HealthCheckSpec, { readonly kind: "none" }>;

/** The Host of a check where `host` is not set and the endpoint has none: what curl sends over a unix socket to http://localhost. */
const UNIX_HOST = "localhost";

/** The next check comes this share of the interval earlier or later, so that those of many proxies and endpoints spread out. */
const JITTER = 0.1;

/** What all endpoints of a client count together. */
export interface HealthCounters {
  readonly checks: Counter;
  readonly failures: Counter;
}

interface Checked {
  readonly accrual: { readonly unhealthy: boolean };
}

/** The figures below a client's scope `health_check`. */
export function healthCounters(scope: Scope, endpoints: () => readonly Checked[]): HealthCounters {
  scope.gauge("unhealthy", () => endpoints().filter(({ accrual }) => accrual.unhealthy).length);
  return { checks: scope.counter("checks"), failures: scope.counter("failures") };
}

/** Told of changes. */
export interface HealthOwner {
  /** The endpoint is to be taken out; false when it stays, and then the next failure asks again. */
  failed(why: string): boolean;
  /** It is to be brought back. */
  recovered(): void;
}

/** What checks are made with. */
export interface HealthWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly transport: Transport;
}

export class HealthCheck {
  readonly #spec: ActiveCheck;
  readonly #endpoint: ConnectOptions;
  readonly #question: Question | null;
  readonly #world: HealthWorld;
  readonly #counters: HealthCounters;
  readonly #owner: HealthOwner;
  /** Of the check under way, or until the next. */
  #timer: Timer;
  #probe: Probe | null = null;
  #unhealthy = false;
  /** Checks in a row that went the same way. */
  #good = 0;
  #bad = 0;

  /** Begins at once, with a first check within one interval. */
  constructor(
    spec: ActiveCheck,
    endpoint: ConnectOptions & { readonly key: string },
    world: HealthWorld,
    counters: HealthCounters,
    owner: HealthOwner,
  ) {
    this.#spec = spec;
    this.#endpoint = { host: endpoint.host, port: endpoint.port };
    this.#question = questionOf(spec, isUnixPath(endpoint.host) ? UNIX_HOST : endpoint.key);
    this.#world = world;
    this.#counters = counters;
    this.#owner = owner;
    this.#timer = world.env.timers.after(world.env.random.next() * spec.intervalMs, () => this.#check());
  }

  /** No more checks; the one under way says nothing. */
  stop(): void {
    this.#timer.cancel();
    this.#probe?.cancel();
    this.#probe = null;
  }

  #check(): void {
    const { env, transport } = this.#world;
    const { timeoutMs } = this.#spec;
    this.#timer = env.timers.after(timeoutMs, () => this.#ended(`no answer within ${timeoutMs} ms`));
    this.#probe = new Probe(transport, this.#endpoint, this.#question, (problem) => this.#ended(problem));
  }

  #ended(problem: Finding): void {
    const { env, loop } = this.#world;
    this.stop();
    loop.tick();
    if (problem !== NOT_ASKED) this.#checked(problem);
    const share = 1 - JITTER + 2 * JITTER * env.random.next();
    this.#timer = env.timers.after(this.#spec.intervalMs * share, () => this.#check());
  }

  #checked(problem: string | null): void {
    this.#counters.checks.inc();
    if (problem === null) this.#wentWell();
    else this.#wentBadly(problem);
  }

  #wentWell(): void {
    this.#bad = 0;
    this.#good++;
    if (!this.#unhealthy || this.#good < this.#spec.healthyAfter) return;
    this.#unhealthy = false;
    this.#owner.recovered();
  }

  #wentBadly(problem: string): void {
    this.#counters.failures.inc();
    this.#good = 0;
    this.#bad++;
    if (this.#unhealthy || this.#bad < this.#spec.unhealthyAfter) return;
    this.#unhealthy = this.#owner.failed(problem);
  }
}

function questionOf(spec: ActiveCheck, address: string): Question | null {
  if (spec.kind === "fairlead.tcp") return null;
  const host = spec.host ?? address;
  if (spec.kind === "fairlead.http") return httpQuestion(spec.path, host, spec);
  return grpcQuestion(spec.service, host, spec.timeoutMs);
}
