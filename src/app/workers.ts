// Several worker threads that listen on the same ports: started, configured alike, replaced when one dies.
import type { WorkerSubject } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { Log, Logger } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { Sampler } from "../telemetry/sampling.ts";
import { snapshotOf } from "../telemetry/snapshot.ts";
import type { MetricsTree } from "../telemetry/tree.ts";
import type { OwnSocket } from "../transport/node/handover.ts";
import type { InheritedSockets, WorkerSocket } from "../transport/node/inherited-sockets.ts";
import { addressText } from "../core/socket-address.ts";
import { listenAddress } from "../transport/config.ts";
import type { Control } from "./control.ts";
import type { Identified } from "./identify.ts";
import type { Planes, RouterState } from "./planes.ts";
import type { RouterPlan } from "./router.ts";
import type { ChosenPorts, FromWorker } from "./worker-messages.ts";
import { unsharable } from "./worker-count.ts";
import { WorkerFigures } from "./worker-figures.ts";
import { WorkerLink, type WorkerOwner } from "./worker-link.ts";
import { type AskedWorker, WorkerQuestions } from "./worker-questions.ts";

/** What the workers stand on. */
export interface WorkersParts {
  readonly count: number;
  readonly env: Env;
  readonly log: Log;
  readonly control: Control;
  readonly inherited: InheritedSockets | undefined;
  /** Of control's own thread. */
  readonly metrics: MetricsRegistry;
  /** Takes lines of access logs. */
  readonly lines: (message: Extract<FromWorker, { readonly type: "lines" }>) => void;
  /** Takes requests that telemeters want to know of. */
  readonly traced: (message: Extract<FromWorker, { readonly type: "traced" }>) => void;
}

/** A worker that listens as planned. */
interface Prepared {
  readonly worker: Worker;
  readonly link: WorkerLink;
}

interface Worker extends AskedWorker {
  state: WorkerSubject["state"];
  restarts: number;
  active: number;
  link: WorkerLink | null;
  /** When it was heard of last. */
  heardMs: number;
  /** When it began to serve. */
  servesMs: number;
  /** Threads of this number that died early, in a row: the next one waits the longer. */
  failures: number;
}

/** A thread that dies is replaced after so long, doubled for every one before it that died early. */
const RESPAWN_MS = 100;
/** Of one that has served; who starts them over and over must not have the processor to itself, but requests that kill must not stop the rest. */
const LONGEST_RESPAWN_MS = 400;
/** Of one that never came to serve. */
const LONGEST_RETRY_MS = 30_000;
/** Who has served for so long did not die early. */
const SETTLED_MS = 10_000;
/** A thread that is not heard of for so long hangs, and is ended. */
const HANGS_MS = 10_000;
/** The same for one that begins, on a machine with better things to do. */
const BEGINS_MS = 30_000;
const LOOK_MS = 1000;
/** A successor gets a socket of every worker; one that is being replaced is waited for. */
const COMPLETE_MS = 3000;
const LOOK_AGAIN_MS = 50;
/** Workers that die while they are configured: the configuration is tried again with their successors. */
const MOST_TRIES = 8;
const TRY_AGAIN_MS = 500;

/** None of them lived until it was configured. */
class NoWorker extends Error {}

/** The data planes of worker threads. */
export class Workers implements Planes, WorkerOwner {
  readonly #parts: WorkersParts;
  readonly #logger: Logger;
  readonly #workers: Worker[] = [];
  readonly #figures = new WorkerFigures();
  readonly #questions: WorkerQuestions;
  /** In force; null before there is any. */
  #plans: readonly RouterPlan[] | null = null;
  #ports: ChosenPorts = {};
  #samplers: readonly Sampler[] = [];
  /** Configurations and replacements, one after the other: a thread is configured by one at a time, and none misses a plan. */
  #turn: Promise<unknown> = Promise.resolve();
  #closing = false;
  #lookedMs: number;
  readonly #restarts;
  readonly #watch;

  constructor(parts: WorkersParts) {
    this.#parts = parts;
    this.#logger = parts.log.logger("workers");
    this.#lookedMs = parts.env.clock.nowMs();
    this.#questions = new WorkerQuestions(this.#workers, this.#figures, parts.env.timers);
    for (let index = 0; index < parts.count; index++) {
      this.#workers.push({
        index,
        state: "starting",
        restarts: 0,
        active: 0,
        link: null,
        heardMs: 0,
        servesMs: 0,
        failures: 0,
      });
    }
    parts.log.followed = (name, level) => this.#all((link) => link.send({ type: "level", name, level }));
    const scope = parts.metrics.root.scope("workers");
    scope.gauge("serving", () => this.#workers.filter(({ state }) => state === "serving").length);
    scope.gauge("configured", () => parts.count);
    this.#restarts = scope.counter("restarts");
    this.#watch = parts.env.timers.every(LOOK_MS, () => this.#endHanging());
  }

  get active(): number {
    return this.#workers.reduce((sum, { active }) => sum + active, 0);
  }

  workers(): readonly WorkerSubject[] {
    return this.#workers.map(({ active, index, restarts, state }) => ({ index, state, restarts, active }));
  }

  trace(samplers: readonly Sampler[]): void {
    this.#samplers = samplers;
    this.#all((link) => link.send({ type: "trace", samplers }));
  }

  async configure(plans: readonly RouterPlan[]): Promise<void> {
    // At a moment at which none of them lives, their successors are waited for.
    for (
      let waited = 0;
      this.#plans !== null && this.#links().length === 0 && waited < COMPLETE_MS;
      waited += LOOK_AGAIN_MS
    )
      await this.#pause(LOOK_AGAIN_MS);
    for (let tries = 1; ; tries++) {
      try {
        return await this.#inTurn(() => this.#configure(plans));
      } catch (error) {
        if (!(error instanceof NoWorker) || this.#plans === null || tries === MOST_TRIES) throw error;
        await this.#pause(TRY_AGAIN_MS);
      }
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * The first worker chooses the ports that are left to the system; the others listen on the same. Only when all of them listen do routers
   * change, so that a worker which cannot listen leaves all as they were.
   */
  async #configure(plans: readonly RouterPlan[]): Promise<void> {
    const problem = unsharable(plans.map(({ config }) => config));
    if (problem !== null) throw new Error(problem);
    if (this.#workers.every(({ link }) => link === null)) for (const worker of this.#workers) this.#start(worker);
    if (this.#plans === null && this.#parts.inherited?.handedOver === true) this.#ports = portsOf(plans);
    const ready: Prepared[] = [];
    const ports: Record<string, number> = {};
    let died: unknown;
    try {
      for (const worker of this.#workers) {
        const { link } = worker;
        if (link === null) continue; // its successor begins with what is in force then
        try {
          Object.assign(ports, await link.prepare(plans, { ...this.#ports, ...ports }));
          ready.push({ worker, link });
        } catch (error) {
          if (worker.link === link) throw error;
          died = error; // and is replaced
        }
      }
      if (ready.length === 0)
        throw new NoWorker(`no worker lives long enough to serve: ${text(died)}`, { cause: died });
    } catch (error) {
      await Promise.all(ready.map(({ link }) => link.ask("drop").catch(() => undefined)));
      throw error;
    }
    this.#plans = plans; // whoever dies from now on is replaced by one that begins with them
    this.#ports = ports;
    await Promise.all(ready.map((each) => this.#commit(each)));
    this.#share();
  }

  async #commit({ link, worker }: Prepared): Promise<void> {
    try {
      await link.ask("commit");
    } catch (error) {
      if (worker.link !== link) return undefined; // it died, which has been told
      this.#logger.error(`worker ${worker.index} does not take the configuration`, error);
      return link.terminate(); // its successor begins with it
    }
    if (worker.link === link) this.#serves(worker);
    return undefined;
  }

  #start(worker: Worker): WorkerLink {
    const { control, count, env, log } = this.#parts;
    const share = { index: worker.index, of: count };
    worker.state = "starting";
    worker.heardMs = env.clock.nowMs();
    const inherited = this.#inherited(worker.index);
    const link = new WorkerLink({ index: worker.index, share, log, timers: env.timers, inherited, owner: this });
    worker.link = link;
    link.send({ type: "trace", samplers: this.#samplers }); // before its servers are made
    control.attach(link);
    if (this.#plans !== null) {
      worker.restarts++;
      this.#restarts.inc();
    }
    return link;
  }

  /** Each once: what a worker has taken and lost with its thread is gone. */
  #inherited(index: number): readonly WorkerSocket[] {
    const sockets = this.#parts.inherited?.forWorkers.get(index) ?? [];
    this.#parts.inherited?.forWorkers.delete(index);
    return sockets;
  }

  #serves(worker: Worker): void {
    if (worker.link === null || worker.state === "serving") return;
    const nowMs = this.#parts.env.clock.nowMs();
    Object.assign(worker, { state: "serving", heardMs: nowMs, servesMs: nowMs });
  }

  heard(link: WorkerLink, message: Parameters<WorkerOwner["heard"]>[1]): void {
    const { control } = this.#parts;
    const worker = this.#workers[link.index];
    if (worker?.link !== link) return;
    switch (message.type) {
      case "control":
        return control.receive(link, message.message);
      case "closed":
        return control.closed(link, message.key);
      case "lines":
        return this.#parts.lines(message);
      case "traced":
        return this.#parts.traced(message);
      case "tripped":
        return this.#all((other) => {
          if (other !== link) other.send(message);
        });
      case "pulse":
        worker.heardMs = this.#parts.env.clock.nowMs();
        worker.active = message.active;
        if (message.metrics !== null) this.#figures.take(worker.index, message.metrics);
        return undefined;
    }
  }

  gone(link: WorkerLink, why: Error | null): void {
    this.#parts.control.detach(link);
    const worker = this.#workers[link.index];
    if (worker?.link !== link) return;
    this.#figures.leave(worker.index);
    worker.link = null;
    worker.active = 0;
    const served = worker.state === "serving";
    worker.state = "gone";
    if (this.#closing) return;
    this.#share();
    if (served && this.#parts.env.clock.nowMs() - worker.servesMs >= SETTLED_MS) worker.failures = 0;
    this.#logger.error(`worker ${worker.index} is gone`, why ?? undefined);
    this.#replaceLater(worker, served ? LONGEST_RESPAWN_MS : LONGEST_RETRY_MS);
  }

  #replaceLater(worker: Worker, longestMs: number): void {
    const { timers } = this.#parts.env;
    const afterMs = Math.min(longestMs, RESPAWN_MS * 2 ** worker.failures++);
    this.#logger.info(`worker ${worker.index} is replaced in ${afterMs} ms`);
    timers.after(afterMs, () => void this.#inTurn(() => this.#replace(worker)));
  }

  async #replace(worker: Worker): Promise<void> {
    if (this.#closing || this.#plans === null || isThere(worker)) return;
    let link: WorkerLink;
    try {
      link = this.#start(worker);
    } catch (error) {
      this.#logger.error(`worker ${worker.index} cannot be started`, error); // such as too many threads
      worker.state = "gone";
      return this.#replaceLater(worker, LONGEST_RETRY_MS);
    }
    try {
      await link.prepare(this.#plans, this.#ports);
      await link.ask("commit");
    } catch (error) {
      if (worker.link !== link) return undefined; // it died, which has been told
      this.#logger.error(`worker ${worker.index} cannot serve`, error);
      return link.terminate();
    }
    this.#serves(worker);
    this.#share();
    this.#logger.info(`worker ${worker.index} serves again`);
    return undefined;
  }

  #endHanging(): void {
    const nowMs = this.#parts.env.clock.nowMs();
    const stoodMs = nowMs - this.#lookedMs - LOOK_MS;
    this.#lookedMs = nowMs;
    for (const worker of this.#workers) {
      // While this thread stood still, as with the whole process or a machine that slept, nobody could be heard.
      if (stoodMs > LOOK_MS) worker.heardMs += stoodMs;
      const { heardMs, index, link, state } = worker;
      const silentMs = nowMs - heardMs;
      if (link === null || silentMs < (state === "serving" ? HANGS_MS : BEGINS_MS)) continue;
      this.#logger.error(`worker ${index} has not been heard of for ${Math.round(silentMs / 1000)} s: it is ended`);
      void link.terminate();
    }
  }

  /** Ends a worker at once, whatever it is doing; another one takes its place. False if there is nothing to end. */
  end(index: number): boolean {
    const link = this.#workers[index]?.link ?? null;
    void link?.terminate();
    return link !== null;
  }

  /** Totals are split over those that live. */
  #share(): void {
    const serving = this.#workers.filter(({ state }) => state === "serving");
    for (const [index, { link }] of serving.entries())
      link?.send({ type: "share", share: { index, of: serving.length } });
  }

  async metrics(worker?: number): Promise<MetricsTree> {
    await this.#questions.metrics(worker);
    return worker === undefined ? this.#figures.total(snapshotOf(this.#parts.metrics.root)) : this.#figures.of(worker);
  }

  routers(): Promise<ReadonlyMap<string, RouterState>> {
    return this.#questions.routers();
  }

  identify(head: string): Promise<readonly Identified[]> {
    return this.#questions.identify(head);
  }

  async sockets(): Promise<readonly OwnSocket[]> {
    await this.#inTurn(async () => undefined);
    for (let waited = 0; waited < COMPLETE_MS && !this.#isComplete; waited += LOOK_AGAIN_MS)
      await this.#pause(LOOK_AGAIN_MS);
    const answers = this.#links().map(async (link) => {
      const answer = await link.ask("sockets").catch(() => null);
      const sockets = answer?.to === "sockets" ? answer.sockets : [];
      return sockets.map((socket) => ({ ...socket, managed: false, worker: link.index }));
    });
    return (await Promise.all(answers)).flat();
  }

  get #isComplete(): boolean {
    return this.#workers.every(({ state }) => state === "serving");
  }

  #pause(delayMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parts.env.timers.after(delayMs, resolve);
    return promise;
  }

  stepAside(): void {
    this.#closing = true;
    this.#all((link) => link.send({ type: "step-aside" }));
  }

  leave(): void {
    this.#all((link) => link.send({ type: "leave" }));
  }

  async drain(patienceMs: number): Promise<void> {
    this.#closing = true;
    this.#watch.cancel();
    await Promise.all(this.#links().map((link) => link.drain(patienceMs).catch(() => undefined)));
  }

  abandon(graceMs: number): void {
    this.#all((link) => link.send({ type: "abandon", graceMs }));
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#links().map((link) => link.close()));
  }

  #links(): WorkerLink[] {
    return this.#workers.flatMap(({ link }) => link ?? []);
  }

  #all(act: (link: WorkerLink) => void): void {
    for (const link of this.#links()) act(link);
  }
}

/** Whoever takes over from a process like this one shares its ports, also where a worker of that had no socket to give. */
function portsOf(plans: readonly RouterPlan[]): ChosenPorts {
  const places = plans.flatMap(({ config }) => config.servers.map((server) => listenAddress(server)));
  return Object.fromEntries(places.flatMap((place) => (place.port > 0 ? [[addressText(place), place.port]] : [])));
}

function isThere({ link }: Worker): boolean {
  return link !== null;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
