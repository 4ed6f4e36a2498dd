// Several endpoints of a client under a cap and with slow start, against a list of plain facts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { undeclaredMetrics } from "../../test/support/undeclared-metrics.ts";
import { constant } from "../base/backoff.ts";
import type { Random } from "../base/random.ts";
import { EndpointStatus } from "../core/picker.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { accrualCounters } from "./accrual/accrual.ts";
import { ConsecutiveFailures } from "./accrual/consecutive-failures.ts";
import { EjectionLimit } from "./accrual/ejection-cap.ts";
import { SlowStart } from "./slow-start.ts";
import { Standing } from "./standing.ts";

const { busy, closed, open } = EndpointStatus;
const FAILURES = 2;
const DEAD_MS = 500;
const RAMP_MS = 1_000;

const always: Random = { next: () => 0, int: (bound) => bound - 1, bits32: () => 0 };
const nobody = { died: () => undefined, revived: () => undefined };

class Member {
  readonly accrual: Standing;

  constructor(accrual: Standing) {
    this.accrual = accrual;
  }

  settledStatus(nowMs: number): EndpointStatus {
    return this.accrual.settledStatus(nowMs, open);
  }
}

class Client {
  readonly registry = new MetricsRegistry(new ManualEnv());
  readonly scope = this.registry.root.scope("rt", "http", "client", "x", "failure_accrual");
  readonly counters = accrualCounters(this.scope);
  readonly capped = this.scope.counter("ejections_capped");
  readonly members: Member[] = [];

  constructor(count: number, maxPercent: number, rampMs = RAMP_MS) {
    const shared = {
      counters: this.counters,
      cap: new EjectionLimit(maxPercent, () => this.members, this.capped),
      slowStart: new SlowStart(rampMs, always, () => this.members),
    };
    for (let n = 0; n < count; n++) {
      const policy = new ConsecutiveFailures(FAILURES, constant(DEAD_MS));
      this.members.push(new Member(new Standing(policy, shared, nobody)));
    }
  }

  at(index: number): Standing {
    return this.members[index]!.accrual;
  }

  kill(index: number, nowMs: number): void {
    for (let n = 0; n < FAILURES; n++) {
      this.at(index).started(nowMs);
      this.at(index).failed(nowMs);
    }
  }

  revive(index: number, nowMs: number): void {
    this.at(index).started(nowMs);
    this.at(index).succeeded(nowMs);
  }

  get healths(): string {
    return this.members.map(({ accrual }) => accrual.health(0)[0]).join("");
  }
}

test("Half of the endpoints may be dead; further ones stay, and each refusal is counted", () => {
  const client = new Client(5, 50);
  for (let n = 0; n < 5; n++) client.kill(n, 0);
  expect(client.healths).toBe("ddaaa");
  expect(client.counters.removals.value).toBe(2);
  expect(client.capped.value).toBe(3);
  expect(undeclaredMetrics(client.registry.root)).toEqual([]);
});

test("One endpoint may always be dead, and with 100 percent all", () => {
  const dead = (count: number, percent: number) => {
    const client = new Client(count, percent);
    for (let n = 0; n < count; n++) client.kill(n, 0);
    return client.healths;
  };
  expect(dead(3, 0)).toBe("daa");
  expect(dead(1, 50)).toBe("d");
  expect(dead(3, 50)).toBe("daa");
  expect(dead(3, 67)).toBe("dda");
  expect(dead(4, 75)).toBe("ddda");
  expect(dead(3, 100)).toBe("ddd");
});

test("An endpoint that was spared dies at its next failure once another is back, for the first and shortest time", () => {
  const client = new Client(2, 50);
  client.kill(0, 0);
  client.kill(1, 0);
  client.at(1).failed(100);
  expect(client.healths).toBe("da");
  client.revive(0, DEAD_MS);
  client.at(1).failed(DEAD_MS);
  expect(client.healths).toBe("ad");
  expect(client.counters.removedForMs.value).toBe(2 * DEAD_MS);
});

test("After members have left, a probe that fails too many keeps its endpoint probing, one request at a time", () => {
  const client = new Client(4, 50);
  client.kill(0, 0);
  client.kill(1, 0);
  client.members.splice(2);
  const [probe] = client.members;
  for (const nowMs of [DEAD_MS, DEAD_MS + 10]) {
    probe!.accrual.started(nowMs);
    expect(probe!.accrual.settledStatus(nowMs, open)).toBe(busy);
    probe!.accrual.failed(nowMs);
    expect(probe!.accrual.health(nowMs)).toBe("probing");
    expect(probe!.accrual.settledStatus(nowMs, open)).toBe(open);
  }
  expect(client.capped.value).toBe(2);
});

test("A revived endpoint is held back for a while, which only picks see", () => {
  const client = new Client(2, 100);
  client.kill(0, 0);
  client.revive(0, DEAD_MS);
  const standing = client.at(0);
  expect(standing.health(DEAD_MS)).toBe("alive");
  expect(standing.status(DEAD_MS, open)).toBe(busy);
  expect(standing.settledStatus(DEAD_MS, open)).toBe(open);
  expect(standing.status(DEAD_MS, closed)).toBe(closed);
  expect(standing.status(DEAD_MS + RAMP_MS - 10, open)).toBe(busy);
  expect(standing.status(DEAD_MS + RAMP_MS, open)).toBe(open);
  expect(standing.isRamping(DEAD_MS + RAMP_MS)).toBe(false);
});

test("Without slow start a revived endpoint is there at once", () => {
  const client = new Client(2, 100, 0);
  client.kill(0, 0);
  client.revive(0, DEAD_MS);
  client.at(1).ramp(DEAD_MS);
  expect([client.at(0), client.at(1)].map((standing) => standing.status(DEAD_MS, open))).toEqual([open, open]);
});

/** What is known of one endpoint. */
class Fact {
  state: "alive" | "dead" | "probing" | "probe out" = "alive";
  failures = 0;
  wakesAtMs = 0;
  rampedFromMs: number | null = null;
  unhealthy = false;

  get out(): boolean {
    return this.state !== "alive" || this.unhealthy;
  }
}

class Model {
  readonly facts: Fact[];
  readonly maxOut: number;
  removals = 0;
  revivals = 0;
  capped = 0;
  nowMs = 0;

  constructor(count: number, maxPercent: number) {
    this.facts = Array.from({ length: count }, () => new Fact());
    this.maxOut = Math.max(1, Math.floor((count * maxPercent) / 100));
  }

  get out(): number {
    return this.facts.filter((fact) => fact.out).length;
  }

  tick(stepMs: number): void {
    this.nowMs += stepMs;
    for (const fact of this.facts) if (fact.state === "dead" && this.nowMs >= fact.wakesAtMs) fact.state = "probing";
  }

  start(fact: Fact): void {
    if (fact.state === "probing") fact.state = "probe out";
  }

  succeed(fact: Fact): void {
    fact.failures = 0;
    if (fact.state !== "probe out") return;
    fact.state = "alive";
    fact.rampedFromMs = this.nowMs;
    this.revivals++;
  }

  fail(fact: Fact): void {
    if (fact.state === "dead" || fact.state === "probing") return;
    const again = fact.state === "probe out";
    if (again) fact.state = "probing";
    if (++fact.failures < FAILURES) return;
    if (!again && !fact.unhealthy && this.out === this.maxOut) {
      this.capped++;
      return;
    }
    if (!again) this.removals++;
    fact.state = "dead";
    fact.wakesAtMs = this.nowMs + DEAD_MS;
  }

  ignore(fact: Fact): void {
    if (fact.state === "probe out") fact.state = "probing";
  }

  /** A health check takes it out, or brings it back. */
  turn(fact: Fact): void {
    if (fact.unhealthy) {
      fact.unhealthy = false;
      if (!fact.out) fact.rampedFromMs = this.nowMs;
    } else if (!fact.out && this.out === this.maxOut) this.capped++;
    else fact.unhealthy = true;
  }

  ramping({ out, rampedFromMs }: Fact): boolean {
    return !out && rampedFromMs !== null && this.nowMs - rampedFromMs < RAMP_MS;
  }

  settled({ state, unhealthy }: Fact): EndpointStatus {
    if (unhealthy) return busy;
    return state === "alive" || state === "probing" ? open : busy;
  }

  /** With dice that always fall against an endpoint that is held back. */
  status(fact: Fact): EndpointStatus {
    const ramping = this.facts.filter((each) => this.ramping(each)).length;
    const full = this.facts.length - this.out - ramping;
    const affordable = this.out === 0 ? full > 0 : 2 * full >= this.facts.length;
    return this.ramping(fact) && affordable ? busy : this.settled(fact);
  }
}

test("Endpoints under a cap and with slow start do what the list of facts does, and one is always left to pick", () => {
  const event = fc.record({
    who: fc.nat(),
    act: fc.constantFrom("start", "succeed", "fail", "fail", "fail", "ignore", "turn", "look"),
    stepMs: fc.constantFrom(0, 0, 0, 100, 250, 500),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 0, max: 100 }),
      fc.array(event, { maxLength: 150 }),
      (count, maxPercent, events) => {
        const client = new Client(count, maxPercent);
        const model = new Model(count, maxPercent);
        const steps = {
          start(standing: Standing, fact: Fact, nowMs: number) {
            standing.started(nowMs);
            model.start(fact);
          },
          succeed(standing: Standing, fact: Fact, nowMs: number) {
            standing.succeeded(nowMs);
            model.succeed(fact);
          },
          fail(standing: Standing, fact: Fact, nowMs: number) {
            standing.failed(nowMs);
            model.fail(fact);
          },
          ignore(standing: Standing, fact: Fact, nowMs: number) {
            standing.ignored(nowMs);
            model.ignore(fact);
          },
          turn(standing: Standing, fact: Fact, nowMs: number) {
            if (standing.unhealthy) standing.recover(nowMs);
            else standing.fail();
            model.turn(fact);
          },
          look: () => undefined,
        };
        for (const { act, stepMs, who } of events) {
          model.tick(stepMs);
          const { nowMs } = model;
          const [standing, fact] = [client.at(who % count), model.facts[who % count]!];
          steps[act](standing, fact, nowMs);
          const seen = client.members.map(({ accrual }) => [
            accrual.settledStatus(nowMs, open),
            accrual.status(nowMs, open),
            accrual.out,
          ]);
          expect(seen).toEqual(model.facts.map((each) => [model.settled(each), model.status(each), each.out]));
          expect(model.out).toBeLessThanOrEqual(model.maxOut);
          expect(seen.some(([, status]) => status === open)).toBe(seen.some(([settled]) => settled === open));
          expect([client.counters.removals.value, client.counters.revivals.value, client.capped.value]).toEqual([
            model.removals,
            model.revivals,
            model.capped,
          ]);
        }
      },
    ),
    { numRuns: 500 },
  );
});
