// The harness's end of the load generator: commands down its standard input, one line of JSON per answer.
import { createInterface } from "node:readline";
import { compileGenerator } from "./compile.ts";
import { GENERATOR_CORE, type Started, start } from "./processes.ts";

/** What to send. Defaults are those of `parse_run` in generator/loadgen.c. */
export interface RunPlan {
  readonly target: number;
  readonly connections: number;
  /** Length of the measured window. */
  readonly seconds: number;
  /** 2xx answers before the window, and the longest time to wait for them. */
  readonly warmup?: number;
  readonly warmupCap?: number;
  /** Requests per second, open loop. Absent = closed loop. */
  readonly rate?: number;
  /** The window ends early after so many 2xx. */
  readonly limit?: number;
  /** 1 = a new connection for every request. */
  readonly fresh?: 0 | 1;
  /** 1 = each connection is upgraded first, and carries the same requests as bytes of a tunnel. */
  readonly tunnel?: 0 | 1;
  /** 1 = one request per connection, then idle until `release`; with HTTP/2 every stream stays open. */
  readonly hold?: 0 | 1;
  /** 0 = sleep when there is nothing to do, as other generators do. */
  readonly spin?: 0 | 1;
  readonly headers?: 5 | 12 | 40;
  readonly hosts?: number;
  readonly hostName?: string;
  /** Bytes of the request's and of the answer's body. */
  readonly upload?: number;
  readonly answer?: number;
  readonly chunked?: 0 | 1;
  readonly delayMs?: number;
  readonly barrier?: number;
  /** 1 = HTTP/2, prior knowledge, with so many callers on each connection. */
  readonly http2?: 0 | 1;
  readonly streams?: number;
  /** HTTP/2: 1 = gRPC calls, whose `upload` and `answer` are sizes of messages. */
  readonly grpc?: 0 | 1;
  /** gRPC: messages of each answer; above 1 each of them counts as an answer. */
  readonly messages?: number;
  /** HTTP/2: 1 = only path, token and id differ between calls; 1 = the id is part of the path; 1 = callers put ids and metadata into their header table. */
  readonly steady?: 0 | 1;
  readonly uniquePaths?: 0 | 1;
  readonly storedIds?: 0 | 1;
  /** Processes whose CPU time is read at the edges of the window. */
  readonly watch?: readonly number[];
}

/** What came back. Times in ns; `startNs` and `endNs` on the clock of `process.hrtime`. */
export interface RunResult {
  readonly ok: number;
  readonly non2xx: number;
  readonly connectErrors: number;
  readonly resets: number;
  readonly timeouts: number;
  readonly crossings: number;
  readonly badBodies: number;
  readonly badUploads: number;
  readonly idleCloses: number;
  readonly unfinished: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly startNs: number;
  readonly endNs: number;
  readonly proxyCpuNs: number;
  readonly ownCpuNs: number;
  readonly latencies: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly p9999: number;
  readonly max: number;
}

/** Counters of one backend port since the generator started. */
export interface BackendState {
  readonly port: number;
  readonly open: number;
  readonly requests: number;
  readonly lastRequestNs: number;
}

type Line =
  | { event: "ready" | "window" }
  | ({ event: "result" } & RunResult)
  | { event: "stat"; backends: BackendState[] };

/** Everything that is not a correct 2xx answer. A row with any of it is not a measurement of success. */
export function failuresOf(r: RunResult): number {
  return r.non2xx + r.connectErrors + r.resets + r.timeouts + r.crossings + r.badBodies + r.badUploads;
}

function commandLine(command: string, plan: Partial<RunPlan>): string {
  const words = Object.entries(plan).map(([key, value]) => `${key}=${String(value)}`); // a list with commas between
  return [command, ...words].join(" ");
}

export class Generator {
  readonly #process: Started;
  readonly #waiting: { event: Line["event"]; resolve: (line: Line) => void; reject: (error: Error) => void }[] = [];

  private constructor(process: Started) {
    this.#process = process;
    createInterface({ input: process.child.stdout! }).on("line", (text) => this.#hear(text));
    process.child.once("exit", () => this.#abandon(`the load generator ended: ${process.complaint()}`));
  }

  /** Starts the generator with its backends on these ports, which listen when this is done. */
  static async start(backendPorts: readonly number[], core = GENERATOR_CORE): Promise<Generator> {
    const command = [compileGenerator(), ...backendPorts.map(String)];
    const generator = new Generator(await start(command, { core }));
    await generator.#next("ready");
    return generator;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** One run from warm-up to result. `onWindow` is called when the measured window opens. */
  async run(plan: RunPlan, onWindow?: () => void): Promise<RunResult> {
    if (onWindow) this.#next("window").then(onWindow, () => undefined);
    const result = this.#next("result");
    this.#say(commandLine("run", plan));
    const line = await result;
    if (line.event !== "result") throw new Error("the generator answered something else than a result");
    return line;
  }

  /** How the backends here answer while the requests come from another generator. */
  answers(plan: Partial<RunPlan>): void {
    this.#say(commandLine("answers", plan));
  }

  async backends(): Promise<BackendState[]> {
    const answer = this.#next("stat");
    this.#say("stat");
    const line = await answer;
    return line.event === "stat" ? line.backends : [];
  }

  /** Ends the current run early, or lets held connections go. */
  release(): void {
    this.#say("release");
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  #say(line: string): void {
    this.#process.child.stdin!.write(`${line}\n`);
  }

  #next(event: Line["event"]): Promise<Line> {
    return new Promise((resolve, reject) => this.#waiting.push({ event, resolve, reject }));
  }

  #hear(text: string): void {
    const line = JSON.parse(text) as Line; // written by our own program, a few lines away
    const index = this.#waiting.findIndex((one) => one.event === line.event);
    if (index >= 0) this.#waiting.splice(index, 1)[0]?.resolve(line);
  }

  #abandon(reason: string): void {
    for (const one of this.#waiting.splice(0)) one.reject(new Error(reason));
  }
}
