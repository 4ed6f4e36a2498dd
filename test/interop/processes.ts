// The processes of a run. Each leads a group of its own, and only these groups are ever ended.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** It is ended after this long; 60 s by default. */
  readonly timeoutMs?: number;
  /** Takes its output line by line, as it comes. */
  readonly line?: (line: string) => void;
}

/** How a process ended. */
export interface Ended {
  /** Its exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that serves until it is told to stop. */
export interface Running {
  readonly name: string;
  readonly ended: Promise<number | null>;
  /** What it has said on either output. */
  said(): string;
  signal(signal: NodeJS.Signals): void;
}

/** Starts processes, and ends what it has started. */
export class Processes {
  readonly #directory: string;
  readonly #alive = new Set<ChildProcess>();
  #serial = 0;

  /** @param directory where the output of processes is kept. */
  constructor(directory: string) {
    this.#directory = directory;
    process.on("exit", () => this.#end("SIGKILL"));
  }

  /** Starts something that serves. */
  start(name: string, command: string, args: readonly string[], options: RunOptions = {}): Running {
    const file = join(this.#directory, `${name}-${this.#serial++}.log`);
    const output = openSync(file, "a");
    const child = this.#spawn(command, args, options, ["ignore", output, output]);
    closeSync(output);
    return {
      name,
      ended: new Promise((resolve) => {
        child.once("exit", resolve);
      }),
      said: () => readFileSync(file, "utf8"),
      signal: (signal) => void child.kill(signal),
    };
  }

  /** Runs something to its end. */
  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const child = this.#spawn(command, args, options, ["ignore", "pipe", "pipe"]);
    const timer = setTimeout(() => endGroup(child, "SIGKILL"), options.timeoutMs ?? 60_000);
    const [stdout, stderr, code] = await Promise.all([
      collect(child.stdout, options.line),
      collect(child.stderr),
      new Promise<number | null>((resolve) => {
        child.once("close", resolve);
      }),
    ]);
    clearTimeout(timer);
    return { code, stdout, stderr };
  }

  #spawn(
    command: string,
    args: readonly string[],
    { cwd, env }: RunOptions,
    stdio: ("ignore" | "pipe" | number)[],
  ): ChildProcess {
    const child = spawn(command, args, { detached: true, stdio, cwd, env: { ...process.env, ...env } });
    child.on("error", (error) => console.log(`   ${command}: ${error.message}`));
    this.#alive.add(child);
    child.once("exit", () => this.#alive.delete(child));
    return child;
  }

  /** Ends everything that still runs: asked first, then made to. */
  async stop(): Promise<void> {
    this.#end("SIGTERM");
    for (let waited = 0; this.#alive.size > 0 && waited < 2000; waited += 50) await sleep(50);
    this.#end("SIGKILL");
  }

  #end(signal: NodeJS.Signals): void {
    for (const child of this.#alive) endGroup(child, signal);
  }
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself in the meantime.
  }
}

async function collect(stream: NodeJS.ReadableStream | null, line?: (line: string) => void): Promise<string> {
  let text = "";
  let shown = 0;
  for await (const chunk of stream?.setEncoding("utf8") ?? []) {
    text += String(chunk);
    for (let end = text.indexOf("\n", shown); line !== undefined && end >= 0; end = text.indexOf("\n", shown)) {
      line(text.slice(shown, end));
      shown = end + 1;
    }
  }
  return text;
}

/** Looked for below the range from which the system takes ports of outgoing connections, so that none is taken in between. */
let nextPort = 18_000 + (process.pid % 10_000);

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    if (!(await listens(port))) return port;
  }
}

/** Does anybody accept connections there? */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Waits until a process accepts connections; throws what it said when it ends before, or takes too long. */
export async function listening(running: Running, port: number, patienceMs = 30_000): Promise<void> {
  let ended = false;
  void running.ended.then(() => (ended = true));
  for (let waited = 0; waited < patienceMs && !ended; waited += 50) {
    if (await listens(port)) return;
    await sleep(50);
  }
  throw new Error(`${running.name} ${ended ? "ended" : "does not listen"}: ${running.said()}`);
}
