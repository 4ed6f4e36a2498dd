// A thread that asks a proxy at a steady rate over connections that are kept, names in turn, and counts every answer that is not the right one.
import net from "node:net";
import { parentPort, workerData } from "node:worker_threads";

/** What is asked. */
export interface SteadyLoad {
  readonly port: number;
  /** Hosts are `s0` to `s<names - 1>`. */
  readonly names: number;
  readonly perSecond: number;
}

/** What came of it. */
export interface LoadReport {
  readonly answered: number;
  readonly failed: number;
  /** The first few. */
  readonly failures: readonly string[];
  readonly connections: number;
  readonly longestMs: number;
}

const MOST_CONNECTIONS = 200;
const TICK_MS = 4;
const SHOWN = 10;

const { names, perSecond, port } = workerData as SteadyLoad; // whoever starts this file gives it
const idle: Caller[] = [];
const failures: string[] = [];
let [asked, answered, failed, connections, open, longestMs] = [0, 0, 0, 0, 0, 0];

function fail(what: string): void {
  failed++;
  if (failures.length < SHOWN) failures.push(what);
}

/** One connection: one request at a time. */
class Caller {
  readonly #socket: net.Socket;
  #text = "";
  #host = "";
  #sinceMs = 0;
  #over = false;

  constructor() {
    connections++;
    open++;
    this.#socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (chunk: string) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#gone(error.message));
    this.#socket.on("close", () => this.#gone("closed"));
  }

  ask(host: string): void {
    this.#host = host;
    this.#text = "";
    this.#sinceMs = performance.now();
    this.#socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  #read(chunk: string): void {
    this.#text += chunk;
    const end = this.#text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#text.slice(0, end).toLowerCase();
    const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? Number.NaN);
    if (this.#text.length < end + 4 + length) return;
    const status = head.slice(9, 12);
    if (status !== "200") fail(`${this.#host}: ${this.#text}`);
    answered++;
    longestMs = Math.max(longestMs, performance.now() - this.#sinceMs);
    this.#host = "";
    if (!head.includes("connection: close")) idle.push(this);
    else this.#leave();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    open--;
    this.#socket.destroy();
  }

  #gone(why: string): void {
    if (this.#host !== "") fail(`${this.#host}: ${why} after ${Math.round(performance.now() - this.#sinceMs)} ms`);
    this.#host = "";
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    this.#leave();
  }
}

const startMs = performance.now();
const ticking = setInterval(() => {
  const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond);
  while (asked < due) {
    const caller = idle.pop() ?? (open < MOST_CONNECTIONS ? new Caller() : undefined);
    if (caller === undefined) {
      asked = due; // what nobody is free to ask is not asked
      return;
    }
    caller.ask(`s${asked++ % names}`);
  }
}, TICK_MS);

parentPort?.once("message", () => {
  clearInterval(ticking);
  // Answers that are on their way still count.
  setTimeout(() => {
    const report: LoadReport = { answered, failed, failures, connections, longestMs };
    parentPort?.postMessage(report);
    setTimeout(() => process.exit(), 100); // the thread, with its connections
  }, 1000);
});
