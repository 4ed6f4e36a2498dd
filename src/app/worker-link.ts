// One worker thread as control sees it: messages out, questions with answers, and word of its end.
import { getCompileCacheDir } from "node:module";
import { Worker } from "node:worker_threads";
import type { Timers } from "../base/timers.ts";
import { within } from "../base/within.ts";
import type { ToData } from "../core/border.ts";
import type { Log } from "../telemetry/log.ts";
import type { WorkerSocket } from "../transport/node/inherited-sockets.ts";
import type { PlaneLink } from "./control.ts";
import type { RouterPlan } from "./router.ts";
import type { Share } from "./share.ts";
import { threadFile } from "./thread-file.ts";
import type { Answer, ChosenPorts, FromWorker, ToWorker, WorkerStart } from "./worker-messages.ts";

/** Who hears of a worker. */
export interface WorkerOwner {
  heard(link: WorkerLink, message: Exclude<FromWorker, { readonly type: "answer" | "failed" | "log" }>): void;
  /** It is gone, for good; null when it ended as it was told to. */
  gone(link: WorkerLink, why: Error | null): void;
}

/** What a thread is started with. */
export interface WorkerLinkParts {
  readonly index: number;
  readonly share: Share;
  readonly log: Log;
  readonly timers: Timers;
  /** Listening sockets that another process has handed over. */
  readonly inherited: readonly WorkerSocket[];
  readonly owner: WorkerOwner;
}

/** Of its heap, for new objects: 1 MB for each of three spaces, as the main thread has it. What is larger no cache holds. */
const YOUNG_MB = 3;
/** How long a thread that was told to close may take. */
const CLOSE_MS = 2000;

/** A thread with a data plane. */
export class WorkerLink implements PlaneLink {
  readonly index: number;
  readonly #thread: Worker;
  readonly #timers: Timers;
  readonly #questions = new Map<number, PromiseWithResolvers<Answer>>();
  #nextQuestion = 1;
  #closing = false;
  #error: Error | null = null;

  constructor({ index, inherited, log, owner, share, timers }: WorkerLinkParts) {
    this.index = index;
    this.#timers = timers;
    const start: WorkerStart = {
      index,
      share,
      levels: log.levels(),
      inherited,
      compileCache: getCompileCacheDir() ?? "",
    };
    // Not what this process was told on its command line: some of it makes no sense for a file.
    this.#thread = new Worker(threadFile("worker-thread"), {
      workerData: start,
      name: `worker ${index}`,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    this.#thread.on("message", (message: FromWorker) => {
      if (message.type === "answer") this.#answered(message.question, (asked) => asked.resolve(message.value));
      else if (message.type === "failed")
        this.#answered(message.question, (asked) => asked.reject(Object.assign(new Error(), message.error)));
      else if (message.type === "log") log.write(message.line);
      else owner.heard(this, message);
    });
    this.#thread.on("error", (error) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    this.#thread.once("exit", (code) => {
      const why = this.#closing ? null : (this.#error ?? new Error(`it ended with ${code}`));
      const gone = new Error(`worker ${index} is gone: ${why?.message ?? "it was closed"}`, { cause: why });
      for (const asked of this.#questions.values()) asked.reject(gone);
      this.#questions.clear();
      owner.gone(this, why);
    });
  }

  tell(message: ToData): void {
    this.send(message);
  }

  send(message: ToWorker): void {
    this.#thread.postMessage(message);
  }

  /** Listens as planned there; `commit` or `drop` follows. @returns the ports that the system chose. */
  async prepare(plans: readonly RouterPlan[], ports: ChosenPorts): Promise<ChosenPorts> {
    const answer = await this.#ask((question) => ({ type: "prepare", question, plans, ports }));
    return answer.to === "prepare" ? answer.ports : {};
  }

  ask(type: "commit" | "drop" | "metrics" | "routers" | "sockets"): Promise<Answer> {
    return this.#ask((question) => ({ type, question }));
  }

  /** What its routers would call a request; see `identify`. */
  identify(head: string): Promise<Answer> {
    return this.#ask((question) => ({ type: "identify", question, head }));
  }

  /** Resolves when its last connection is closed; see `Planes.drain`. */
  async drain(patienceMs: number): Promise<void> {
    await this.#ask((question) => ({ type: "drain", question, patienceMs }));
  }

  /** Closes its data plane, then the thread; one that hangs is terminated. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = this.#ask((question) => ({ type: "close", question })).catch(() => undefined);
    await within(this.#timers, CLOSE_MS, closed, undefined);
    await this.terminate();
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    this.#error ??= new Error("it was ended");
    await this.#thread.terminate();
  }

  #ask(message: (question: number) => ToWorker): Promise<Answer> {
    const question = this.#nextQuestion++;
    const asked = Promise.withResolvers<Answer>();
    this.#questions.set(question, asked);
    this.send(message(question));
    return asked.promise;
  }

  #answered(question: number, settle: (asked: PromiseWithResolvers<Answer>) => void): void {
    const asked = this.#questions.get(question);
    this.#questions.delete(question);
    if (asked !== undefined) settle(asked);
  }
}
