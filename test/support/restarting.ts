// The program as it is restarted again and again: services that keep a journal, callers in a process of their own, and what the kernel says
// of processes that are no children of ours.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { NodeService } from "./h2-load.ts";
import { ask, type Fetched, freePorts, Program, type ProgramOptions, until } from "./program.ts";
import type { CallersOrder, CallersReport } from "./restart-callers.ts";

/** How often each request has come to a service. */
type Journal = Map<string, number>;

/** Does a process run? One that has ended and that nobody has asked about does not. */
export function runs(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Its children that run. */
export function childrenOf(pid: number): number[] {
  const listed = readdirSync(`/proc/${pid}/task`).map((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "latin1"),
  );
  return listed.join(" ").split(/\s+/).filter(Boolean).map(Number).filter(runs);
}

/** Two services: one for HTTP/1.1 that answers with what it was asked, one for HTTP/2 that sends back what comes. */
export class Services implements AsyncDisposable {
  readonly journal: Journal;
  readonly port: number;
  readonly h2Port: number;
  readonly #server: http.Server;
  readonly #h2: NodeService;

  private constructor(journal: Journal, server: http.Server, h2: NodeService) {
    this.journal = journal;
    this.#server = server;
    this.#h2 = h2;
    this.port = (server.address() as AddressInfo).port; // it listens on a port
    this.h2Port = h2.port;
  }

  static async start(): Promise<Services> {
    const journal: Journal = new Map();
    const note = (id: string): void => void journal.set(id, (journal.get(id) ?? 0) + 1);
    const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const id = String(request.headers["x-id"]);
      note(id);
      let bytes = 0;
      request.on("data", (chunk: Buffer) => (bytes += chunk.length));
      request.on("end", () => response.end(`${id} ${bytes}`));
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const h2 = await NodeService.start((stream, headers) => {
      note(String(headers["x-id"]));
      stream.respond({ ":status": 200 });
      stream.pipe(stream);
    });
    return new Services(journal, server, h2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#h2[Symbol.asyncDispose]();
  }
}

/** Callers in a process of their own. */
export class Callers implements Disposable {
  readonly #child: ChildProcess;
  readonly #out: Promise<string>;

  constructor(order: CallersOrder) {
    this.#child = spawn(process.execPath, [resolve("test/support/restart-callers.ts"), JSON.stringify(order)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let text = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    this.#out = new Promise((done) => void this.#child.once("close", () => done(text)));
  }

  /** Ends them, and hears what became of their requests. */
  async report(): Promise<CallersReport> {
    this.#child.stdin?.end();
    return JSON.parse(await this.#out) as CallersReport;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** The program with all that come after it. */
export class Line implements AsyncDisposable {
  readonly program: Program;
  readonly folder: string;
  readonly file: string;
  adminPort: number;
  /** Of all processes so far; the last one serves. */
  readonly pids: number[];

  private constructor(program: Program, folder: string, file: string, adminPort: number) {
    this.program = program;
    this.folder = folder;
    this.file = file;
    this.adminPort = adminPort;
    this.pids = [program.pid];
  }

  /** @param config gets a folder of its own. */
  static async start(config: (folder: string) => object, options: ProgramOptions = {}): Promise<Line> {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-restart-"));
    const [adminPort = 0] = await freePorts(1);
    const file = join(folder, "fairlead.json");
    const whole = { admin: { port: adminPort }, ...config(folder) };
    writeFileSync(file, JSON.stringify(whole));
    const line = new Line(new Program(["run", file], options), folder, file, adminPort);
    await line.program.said("is ready (process");
    line.pids[0] = Number(/is ready \(process (\d+)/.exec(line.program.err)?.[1]);
    return line;
  }

  /** One that was started otherwise. */
  static of(program: Program, adminPort: number): Line {
    return new Line(program, mkdtempSync(join(tmpdir(), "fairlead-restart-")), "", adminPort);
  }

  /** The process that serves. */
  get pid(): number {
    return this.pids.at(-1) ?? 0;
  }

  ask(): Promise<Fetched> {
    return ask(this.adminPort, {}, "/admin/restart", "POST");
  }

  /** Asks for a new process, and returns the number of the one that it replaces. */
  async restart(): Promise<number> {
    const before = this.pid;
    const { status, text } = await this.ask();
    const [, pid] = /^process (\d+) serves; this one ends\n$/.exec(text) ?? [];
    if (status !== 200 || pid === undefined) throw new Error(`${status} ${text}${this.program.err}`);
    this.pids.push(Number(pid));
    return before;
  }

  /** Waits until a process has ended. */
  async ended(pid: number): Promise<void> {
    await until(
      () => !runs(pid) && (pid !== this.program.pid || this.program.child.exitCode !== null),
      () => `the end of process ${pid}; ${this.program.err}`,
    );
  }

  async stop(): Promise<void> {
    process.kill(this.pid, "SIGTERM");
    await this.ended(this.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A start that failed may have left one that the test does not know of.
    const all = [
      ...this.pids,
      ...[...this.program.err.matchAll(/process (\d+) serves from now on/g)].map(([, pid]) => Number(pid)),
    ];
    for (const pid of new Set(all)) if (runs(pid)) process.kill(pid, "SIGKILL");
    await this.program[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true });
  }
}
