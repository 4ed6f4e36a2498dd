// Several worker threads that listen on the same ports: started, configured alike, replaced when one dies.
import type { WorkerSubject } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { Log, Logger } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import { lasting, MergedTree, type Snapshot, snapshotOf } from "../telemetry/snapshot.ts";
import type { MetricsTree } from "../telemetry/tree.ts";
import type { OwnSocket } from "../transport/node/handover.ts";
import type { InheritedSockets, WorkerSocket } from "../transport/node/inherited-sockets.ts";
import type { Control } from "./control.ts";
import type { Planes, RouterState } from "./planes.ts";
import type { RouterPlan } from "./router.ts";
import { type RouterDump, together } from "./router-dump.ts";
import type { ChosenPorts, FromWorker } from "./worker-messages.ts";
import { WorkerLink, type WorkerOwner } from "./worker-link.ts";

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
}

interface Worker {
  readonly index: number;
  state: WorkerSubject["state"];
  restarts: number;
  active: number;
  link: WorkerLink | null;
  /** What it told last of itself. */
  known: Snapshot | null;
  /** When it was heard of last. */
  heardMs: number;
  /** Starts that failed in a row: the next one waits the longer. */
  failures: number;
}

/** A thread that dies is replaced after so long, doubled with every time that it does not come to serve. */
const RESPAWN_MS = 100;
const LONGEST_RESPAWN_MS = 30_000;
/** A thread that is not heard of for so long hangs, and is ended. */
const HANGS_MS = 10_000;
/** Figures of a thread that does not answer are those it told before. */
const ANSWER_MS = 2000;

/** The data planes of worker threads. */
export class Workers implements Planes, WorkerOwner {
  readonly #parts: WorkersParts;
  readonly #logger: Logger;
  readonly #workers: Worker[] = [];
  /** What threads that are gone have counted. */
  #departed: Snapshot[] = [];
  #plans: readonly RouterPlan[] = [];
  #ports: ChosenPorts = {};
  #closing = false;

  constructor(parts: WorkersParts) {
    this.#parts = parts;
    this.#logger = parts.log.logger("workers");
    for (let index = 0; index < parts.count; index++) {
      this.#workers.push({
        index,
        state: "starting",
        restarts: 0,
        active: 0,
        link: null,
        known: null,
        heardMs: 0,
        failures: 0,
      });
    }
    parts.log.followed = (name, level) => this.#all((link) => link.send({ type: "level", name, level }));
    const scope = parts.metrics.root.scope("workers");
    scope.gauge("serving", () => this.#workers.filter(({ state }) => state === "serving").length);
    scope.gauge("configured", () => parts.count);
    this.#restarts = scope.counter("restarts");
    this.#watch = parts.env.timers.every(HANGS_MS / 10, () => this.#endHanging());
  }

  readonly #restarts;
  readonly #watch;

  get active(): number {
    return this.#workers.reduce((sum, { active }) => sum + active, 0);
  }

  workers(): readonly WorkerSubject[] {
    return this.#workers.map(({ active, index, restarts, state }) => ({ index, state, restarts, active }));
  }

  /**
   * The first worker chooses the ports that are left to the system; the others listen on the same. Only when all of them listen do routers
   * change, so that a worker which cannot listen leaves all as they were.
   */
  async configure(plans: readonly RouterPlan[]): Promise<void> {
    const ready: { readonly worker: Worker; readonly link: WorkerLink }[] = [];
    try {
      for (const worker of this.#workers) {
        if (worker.state === "gone") continue; // it will begin with what is in force then
        const link = (worker.link ??= this.#start(worker));
        this.#ports = { ...this.#ports, ...(await link.prepare(plans, this.#ports)) };
        ready.push({ worker, link });
      }
    } catch (error) {
      await Promise.all(ready.map(({ link }) => link.ask("drop").catch(() => undefined)));
      throw error;
    }
    this.#plans = plans; // whoever dies from now on is replaced by one that begins with them
    const done = await Promise.all(ready.map(({ link }) => link.ask("commit").catch(() => null)));
    const nowMs = this.#parts.env.clock.nowMs();
    for (const [i, { worker, link }] of ready.entries())
      if (done[i] !== null && worker.link === link) Object.assign(worker, { state: "serving", heardMs: nowMs });
    this.#share();
  }

  #start(worker: Worker): WorkerLink {
    const { control, log } = this.#parts;
    const share = { index: worker.index, of: this.#parts.count };
    const link = new WorkerLink(worker.index, share, log, this.#parts.env.timers, this.#inherited(worker.index), this);
    control.attach(link);
    return link;
  }

  /** Each once: what a worker has taken and lost with its thread is gone. */
  #inherited(index: number): readonly WorkerSocket[] {
    const sockets = this.#parts.inherited?.forWorkers.get(index) ?? [];
    this.#parts.inherited?.forWorkers.delete(index);
    return sockets;
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
      case "tripped":
        return this.#all((other) => {
          if (other !== link) other.send(message);
        });
      case "pulse":
        worker.heardMs = this.#parts.env.clock.nowMs();
        worker.active = message.active;
        if (message.metrics !== null) worker.known = message.metrics;
        return undefined;
    }
  }

  gone(link: WorkerLink, why: Error | null): void {
    this.#parts.control.detach(link);
    const worker = this.#workers[link.index];
    if (worker?.link !== link) return;
    worker.link = null;
    if (this.#closing) return;
    const served = worker.state === "serving";
    worker.state = "gone";
    worker.active = 0;
    if (worker.known !== null) this.#departed = [plain(new MergedTree([...this.#departed, lasting(worker.known)]))];
    worker.known = null;
    this.#share();
    worker.failures = served ? 0 : worker.failures + 1;
    const afterMs = Math.min(LONGEST_RESPAWN_MS, RESPAWN_MS * 2 ** worker.failures);
    this.#logger.error(`worker ${worker.index} is gone; another one begins in ${afterMs} ms`, why ?? undefined);
    this.#parts.env.timers.after(afterMs, () => void this.#replace(worker));
  }

  async #replace(worker: Worker): Promise<void> {
    if (this.#closing) return;
    worker.restarts++;
    this.#restarts.inc();
    worker.state = "starting";
    const link = this.#start(worker);
    worker.link = link;
    try {
      await link.prepare(this.#plans, this.#ports);
      await link.ask("commit");
    } catch (error) {
      this.#logger.error(`worker ${worker.index} cannot serve`, error);
      await link.terminate();
      return;
    }
    worker.state = "serving";
    worker.heardMs = this.#parts.env.clock.nowMs();
    worker.failures = 0;
    this.#share();
    this.#logger.info(`worker ${worker.index} serves again`);
  }

  #endHanging(): void {
    const nowMs = this.#parts.env.clock.nowMs();
    for (const { heardMs, index, link, state } of this.#workers) {
      if (state !== "serving" || link === null || nowMs - heardMs < HANGS_MS) continue;
      this.#logger.error(
        `worker ${index} has not been heard of for ${Math.round((nowMs - heardMs) / 1000)} s: it is ended`,
      );
      void link.terminate();
    }
  }

  /** Ends a worker at once, whatever it is doing; another one takes its place. False if there is none of this number. */
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
    if (worker !== undefined) return new MergedTree([await this.#figures(this.#workers[worker]!)]); // asked for by its number
    const all = await Promise.all(this.#workers.map((each) => this.#figures(each)));
    return new MergedTree([snapshotOf(this.#parts.metrics.root), ...all, ...this.#departed]);
  }

  async #figures(worker: Worker): Promise<Snapshot> {
    const answer = await this.#answered(worker, "metrics");
    if (answer?.to === "metrics") worker.known = answer.tree;
    return worker.known ?? { segment: "" };
  }

  async routers(): Promise<ReadonlyMap<string, RouterState>> {
    const answers = await Promise.all(this.#workers.map((worker) => this.#answered(worker, "routers")));
    const dumps = answers.flatMap((answer) => (answer?.to === "routers" ? answer.dumps : []));
    const keys = new Set(dumps.map(({ key }) => key));
    return new Map([...keys].flatMap((key) => stateOf(key, dumps)));
  }

  async #answered({ link }: Worker, question: "metrics" | "routers") {
    if (link === null) return null;
    const late = Promise.withResolvers<null>();
    const timer = this.#parts.env.timers.after(ANSWER_MS, () => late.resolve(null));
    const answer = await Promise.race([link.ask(question).catch(() => null), late.promise]);
    timer.cancel();
    return answer;
  }

  async sockets(): Promise<readonly OwnSocket[]> {
    const answers = this.#links().map(async (link) => {
      const answer = await link.ask("sockets").catch(() => null);
      const sockets = answer?.to === "sockets" ? answer.sockets : [];
      return sockets.map((socket) => ({ ...socket, worker: link.index }));
    });
    return (await Promise.all(answers)).flat();
  }

  stepAside(): void {
    this.#closing = true;
    this.#all((link) => link.send({ type: "step-aside" }));
  }

  leave(): void {
    this.#all((link) => link.send({ type: "leave" }));
  }

  async drain(): Promise<void> {
    this.#closing = true;
    this.#watch.cancel();
    await Promise.all(this.#links().map((link) => link.ask("drain").catch(() => undefined)));
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

/** A merged tree as plain values again, so that what is gone does not grow with every thread that dies. */
function plain(tree: MergedTree): Snapshot {
  const below = [...tree.children].map(plain);
  const { metric, segment } = tree;
  const rest = below.length === 0 ? {} : { below };
  if (metric === null) return { segment, ...rest };
  const stat = tree.plainDistribution();
  if (stat !== undefined) return { segment, stat, ...rest };
  if (metric.kind === "stat") return { segment, ...rest };
  return { segment, counter: metric.value, ...rest };
}

function stateOf(key: string, dumps: readonly RouterDump[]): [string, RouterState][] {
  const dump = together(dumps.filter((each) => each.key === key));
  if (dump === undefined) return [];
  const clients = new Map(dump.clients);
  const state: RouterState = {
    servers: dump.servers,
    clientIds: () => [...clients.keys()],
    client: (id) => clients.get(id),
    pathStacks: () => dump.paths,
    clientStacks: () => dump.stacks,
  };
  return [[key, state]];
}
