// The demo: seven small services and a proxy beside them, each a process of its own, and a little traffic.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Env } from "../base/env.ts";
import { Part } from "./part.ts";
import { CHAIN } from "./search.ts";
import { askWeb, leaveSearch, OVERRIDE, type Reply, sendTraffic } from "./traffic.ts";

/** Why the demo cannot run; the message is for people. */
export class DemoProblem extends Error {}

/** What is needed to start it. */
export interface DemoOptions {
  /** `bin/fairlead`. */
  readonly program: string;
  readonly port: number;
  readonly adminPort: number;
  readonly env: Env;
}

const PROXY_PATIENCE_MS = 15_000;
const POLL_MS = 50;
/** When the caller of `search` has had enough, and how long its services may take to hear of it. */
export const LEAVES_AFTER_MS = 300;
const HEARD_MS = 4000;

/** A running demo. */
export class Demo implements AsyncDisposable {
  readonly #options: DemoOptions;
  readonly folder: string = mkdtempSync(join(tmpdir(), "fairlead-demo-"));
  readonly #parts: Part[] = [];
  #traffic: Disposable | null = null;
  /** What `web` answered by itself, and with the override. */
  plain: Reply = { status: 0, text: "" };
  overridden: Reply = { status: 0, text: "" };
  /** What the services of the chain said when their first caller had left, in the order of the chain. */
  givenBack: readonly string[] = [];
  /** Hears what they say from then on. */
  onGivenBack: (line: string) => void = () => undefined;

  private constructor(options: DemoOptions) {
    this.#options = options;
  }

  /** @throws DemoProblem when something listens already where the demo wants to. */
  static async checkPorts(port: number, adminPort: number): Promise<void> {
    await checkPort(port, "--port");
    await checkPort(adminPort, "--admin-port");
  }

  /** Starts everything; what was started is ended when something cannot be. @throws DemoProblem */
  static async start(options: DemoOptions): Promise<Demo> {
    const demo = new Demo(options);
    try {
      await demo.#start();
    } catch (error) {
      const log = demo.log();
      await demo[Symbol.asyncDispose]();
      throw new DemoProblem(
        `the demo does not start: ${error instanceof Error ? error.message : String(error)}\n${log}`,
      );
    }
    return demo;
  }

  get config(): string {
    return join(this.folder, "fairlead.yaml");
  }

  get disco(): string {
    return join(this.folder, "disco");
  }

  /** Settled with its name when a process ends by itself. */
  get broken(): Promise<string> {
    return Promise.race(this.#parts.map((part) => part.ended.then(() => part.name)));
  }

  async #start(): Promise<void> {
    const { env, port } = this.#options;
    const names = ["web", "users", "users", "users-v2", ...CHAIN];
    const services = names.map((name) => this.#open(name, "--port", String(port)));
    const ports = await Promise.all(services.map((service) => service.port()));
    for (const service of services) service.onWords((line) => this.onGivenBack(line));
    mkdirSync(this.disco);
    for (const name of new Set(names)) {
      const lines = ports.map((at, i) => (names[i] === name ? `127.0.0.1 ${at}\n` : ""));
      writeFileSync(join(this.disco, name), lines.join(""));
    }
    writeFileSync(this.config, configText(this.disco, this.#options));
    const proxy = this.#open("proxy", "--config", this.config);
    this.plain = await this.#firstAnswer(proxy);
    this.overridden = await askWeb(port, { "l5d-dtab": OVERRIDE });
    this.givenBack = await this.#leave();
    this.#traffic = sendTraffic(port, env.timers);
  }

  #open(name: string, ...args: readonly string[]): Part {
    const { env, program } = this.#options;
    const part = new Part(name, [program, ...args], join(this.folder, "log"), env.timers);
    this.#parts.push(part);
    return part;
  }

  /** Asks until there is an answer. */
  async #firstAnswer(proxy: Part): Promise<Reply> {
    const { env, port } = this.#options;
    const giveUpMs = env.clock.nowMs() + PROXY_PATIENCE_MS;
    for (;;) {
      const reply = await askWeb(port).catch(() => null);
      if (reply?.status === 200) return reply;
      if (proxy.gone) throw new Error("the proxy ended as soon as it was started");
      if (env.clock.nowMs() > giveUpMs)
        throw new Error(`no answer through the proxy: ${reply?.text ?? "it cannot be reached"}`);
      await new Promise<void>((resolve) => {
        env.timers.after(POLL_MS, resolve);
      });
    }
  }

  /** Leaves while the services of the chain work; resolves to what they say then. */
  async #leave(): Promise<string[]> {
    const { env, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<string[]>();
    const lines: string[] = [];
    this.onGivenBack = (line) => {
      lines.push(line);
      if (lines.length === CHAIN.length) resolve(CHAIN.flatMap((name) => lines.filter((one) => one.startsWith(name))));
    };
    await leaveSearch(port, env.timers, LEAVES_AFTER_MS);
    const late = () =>
      reject(new Error(`of ${CHAIN.join(", ")} not all heard that their caller had left: ${lines.join("; ")}`));
    using _late = env.timers.after(HEARD_MS, late);
    const all = await promise;
    this.onGivenBack = () => undefined;
    return all;
  }

  /** What all processes have printed. */
  log(): string {
    return readFileSync(join(this.folder, "log"), { encoding: "utf8", flag: "a+" });
  }

  /** Ends all processes, the proxy first, and removes the files. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#traffic?.[Symbol.dispose]();
    for (const part of this.#parts.toReversed()) await part.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function configText(disco: string, { port, adminPort }: DemoOptions): string {
  return `# The configuration of the demo, in the format of Linkerd 1.x.
admin:
  ip: 127.0.0.1
  port: ${adminPort}
  shutdownGraceMs: 2000

namers:
  - kind: io.l5d.fs          # endpoints are in files, one per name; a changed file counts at once
    rootDir: ${JSON.stringify(disco)}

routers:
  - protocol: http           # HTTP/1.1 and HTTP/2 on one port; the services here speak HTTP/1.1
    dtab: |                  # the name a request asks for is its Host: web, users, users-v2, search
      /svc => /#/io.l5d.fs;
    servers:
      - ip: 127.0.0.1
        port: ${port}
`;
}

async function checkPort(port: number, option: string): Promise<void> {
  const probe = net.createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject);
      probe.listen(port, "127.0.0.1", resolve);
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // of `listen`
    const why = code === "EADDRINUSE" ? "is already in use; stop what listens there" : `cannot be used (${message})`;
    throw new DemoProblem(`127.0.0.1:${port} ${why}, or choose another port with ${option}`);
  }
  await new Promise<void>((resolve) => {
    probe.close(() => resolve());
  });
}
