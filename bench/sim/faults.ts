// Makes happen what a scenario says goes wrong.
import type { Random } from "../../src/base/random.ts";
import { exponential } from "./dice.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Instance } from "./instance.ts";
import type { FaultSpec } from "./scenario.ts";

/** What faults act upon. */
export interface Theatre {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly instances: readonly Instance[];
  readonly endMs: number;
  /** Discovery: the instance is gone, or there under its present key. */
  left(instance: Instance): void;
  joined(instance: Instance): void;
}

type Fault<K> = Extract<FaultSpec, { kind: K }>;

export function schedule(fault: FaultSpec, theatre: Theatre): void {
  const { instances, endMs } = theatre;
  const concerned = instances.slice(fault.first, fault.first + fault.count);
  const toMs = fault.toMs ?? endMs;
  for (const [n, instance] of concerned.entries()) start(fault, n, instance, toMs, theatre);
}

function start(fault: FaultSpec, n: number, instance: Instance, toMs: number, theatre: Theatre): void {
  switch (fault.kind) {
    case "slow":
      return slow(fault, instance, toMs, theatre);
    case "pauses":
      return pauses(fault, instance, toMs, theatre);
    case "errors":
      return errors(fault, instance, toMs, theatre);
    case "refuses":
      at(theatre, fault.fromMs, () => (instance.refuses = true));
      return at(theatre, toMs, () => (instance.refuses = false));
    case "flaps":
      return flaps(fault, instance, toMs, theatre);
    case "restarts":
      return restart(fault, n, instance, theatre);
  }
}

function slow(fault: Fault<"slow">, instance: Instance, toMs: number, theatre: Theatre): void {
  at(theatre, fault.fromMs, () => {
    instance.factor = fault.factor;
    instance.takesMs = fault.takesMs ?? 0;
  });
  at(theatre, toMs, () => {
    instance.factor = 1;
    instance.takesMs = 0;
  });
}

function errors(fault: Fault<"errors">, instance: Instance, toMs: number, theatre: Theatre): void {
  at(theatre, fault.fromMs, () => {
    instance.errorShare = fault.share;
    instance.errorAfterMs = fault.afterMs;
  });
  at(theatre, toMs, () => (instance.errorShare = 0));
}

function pauses(fault: Fault<"pauses">, instance: Instance, toMs: number, theatre: Theatre): void {
  const next = (fromMs: number): void => {
    const beginMs = fromMs + exponential(fault.everyMs, theatre.random);
    if (beginMs > toMs) return;
    at(theatre, beginMs, () => {
      instance.pause(fault.lengthMs);
      next(beginMs + fault.lengthMs);
    });
  };
  next(fault.fromMs);
}

function flaps(fault: Fault<"flaps">, instance: Instance, toMs: number, theatre: Theatre): void {
  const set = (down: boolean): void => {
    if (fault.how === "refuses") instance.refuses = down;
    else instance.errorShare = down ? 1 : 0;
  };
  const firstMs = fault.fromMs + theatre.random.next() * (fault.downMs + fault.upMs);
  for (let fromMs = firstMs; fromMs < toMs; fromMs += fault.downMs + fault.upMs) {
    at(theatre, fromMs, () => set(true));
    at(theatre, Math.min(toMs, fromMs + fault.downMs), () => set(false));
  }
}

function restart(fault: Fault<"restarts">, n: number, instance: Instance, theatre: Theatre): void {
  const leavesMs = fault.fromMs + n * fault.everyMs;
  at(theatre, leavesMs, () => theatre.left(instance));
  at(theatre, leavesMs + fault.absentMs, () => {
    instance.key = `${instance.key}+`;
    instance.warmFromMs = theatre.queue.nowMs;
    instance.warmMs = fault.warmMs;
    instance.coldFactor = fault.factor;
    theatre.joined(instance);
  });
}

function at({ queue }: Theatre, timeMs: number, run: () => void): void {
  queue.after(timeMs - queue.nowMs, { on: run }, 0);
}
