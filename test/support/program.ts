// The program as people start it: bin/fairlead in a process of its own.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { resolve } from "node:path";

const PATIENCE_MS = 15_000;
const LOOK_MS = 20;

export interface ProgramOptions {
  readonly input?: string;
  readonly environment?: Record<string, string>;
  /** What runs it, with its own arguments; Node by default. */
  readonly command?: readonly [string, ...string[]];
  /** Another installation's; by default this clone's. */
  readonly program?: string;
  /** What it inherits from descriptor 3 on. */
  readonly descriptors?: readonly number[];
  /** A command that becomes the program after it has arranged something. */
  readonly through?: readonly string[];
}

/** Runs lines of shell before the program becomes the process. */
export function shell(lines: string): readonly string[] {
  return ["/bin/sh", "-ec", `${lines}; exec "$@"`, "sh"];
}

/** The same as root of a name space of its own, where file systems can be mounted; null where the kernel does not allow that. */
export function unsharedShell(lines: string): readonly string[] | null {
  const unshare = ["unshare", "--user", "--map-root-user", "--mount"];
  const { status } = spawnSync("unshare", [...unshare.slice(1), "/bin/sh", "-ec", "mount -t tmpfs tmpfs /mnt"]);
  return status === 0 ? [...unshare, ...shell(lines)] : null;
}

/** A process of the program, and what it has said so far. */
export class Program {
  readonly child: ChildProcess;
  out = "";
  err = "";
  /** Exit code, or the signal it died of; null while it runs. */
  ended: number | string | null = null;

  constructor(args: readonly string[], options: ProgramOptions = {}) {
    const runner = options.command ?? [process.execPath];
    const program = options.program ?? resolve("bin/fairlead");
    const [command = "", ...rest] = [...(options.through ?? []), ...runner, program, ...args];
    this.child = spawn(command, rest, {
      stdio: ["pipe", "pipe", "pipe", ...(options.descriptors ?? [])],
      env: { ...process.env, ...options.environment },
    });
    this.child.stdin?.end(options.input ?? "");
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.out += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err += text));
    this.child.on("close", (code, signal) => (this.ended = code ?? signal));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Waits until it has said something, on either stream. */
  async said(words: string): Promise<void> {
    await until(
      () => this.out.includes(words) || this.err.includes(words) || this.ended !== null,
      () => `"${words}"; it said ${this.out}${this.err}`,
    );
    if (!this.out.includes(words) && !this.err.includes(words))
      throw new Error(`it ended with ${this.ended}: ${this.err}`);
  }

  /** Waits for its end. */
  async end(): Promise<number | string | null> {
    await until(
      () => this.ended !== null,
      () => `the end; it said ${this.out}${this.err}`,
    );
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended === null) this.child.kill("SIGKILL");
    await this.end();
  }
}

/** Looks again and again, in real time. */
export async function until(condition: () => boolean, what: () => string): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`waited in vain for ${what()}`);
    await new Promise((again) => {
      setTimeout(again, LOOK_MS);
    });
  }
}

/** Ports nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => void server.listen(0, "127.0.0.1", done))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port); // they listen on ports
  await Promise.all(servers.map((server) => new Promise((done) => void server.close(done))));
  return ports;
}

export interface Fetched {
  readonly status: number;
  readonly text: string;
}

/** One request on a connection of its own. */
export function ask(port: number, headers: Record<string, string> = {}, path = "/", method = "GET"): Promise<Fetched> {
  return new Promise((done, reject) => {
    http
      .request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode ?? 0, text }));
        answer.on("error", reject);
      })
      .on("error", reject)
      .end();
  });
}

/** Runs `act` with the address of a server that stands in for another program. An answer of null hangs up. */
export async function withServer(
  answer: (url: string) => Fetched | null,
  act: (address: string) => Promise<void>,
): Promise<void> {
  const server = http.createServer((request, response) => {
    const given = answer(request.url ?? "");
    if (given === null) request.socket.destroy();
    else response.writeHead(given.status).end(given.text);
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  try {
    await act(`127.0.0.1:${(server.address() as AddressInfo).port}`); // it listens on a port
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
