// A process of fairlead with worker threads, a service behind it, and callers whose connections are told apart by the worker that has them.
import http, { type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { WorkerSubject } from "../../src/admin/subject.ts";
import { MISHAPS, type Mishap } from "./mishaps.ts";
import { ask, type Fetched, freePorts, Program, until } from "./program.ts";

const web = { Host: "web" };

/** One connection that is kept. */
export class Connection implements Disposable {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;
  /** Sockets it needed: one, unless the first was closed. */
  readonly sockets = new Set<unknown>();

  constructor(port: number) {
    this.#port = port;
  }

  ask(path = "/", headers: Record<string, string> = {}, method = "GET", body = ""): Promise<Fetched> {
    return new Promise((done, reject) => {
      const options = { host: "127.0.0.1", port: this.#port, path, method, agent: this.#agent };
      const request = http.request({ ...options, headers: { ...web, ...headers } }, (answer: IncomingMessage) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode ?? 0, text }));
        answer.on("error", reject);
      });
      request.on("socket", (socket) => this.sockets.add(socket));
      request.on("error", reject).end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

export interface SiteOptions {
  readonly workers?: number | "auto";
  /** Further keys of the router. */
  readonly router?: object;
  /** Further keys of its server. */
  readonly server?: object;
  /** Further keys of the configuration. */
  readonly rest?: object;
  readonly environment?: Record<string, string>;
  /** What the service does; by default it answers with the path. */
  readonly serve?: http.RequestListener;
  /** Further flags of Node. */
  readonly flags?: readonly string[];
  /** Something that happens to all workers from the start. */
  readonly mishap?: Mishap;
  /** What runs the program. */
  readonly command?: readonly [string, ...string[]];
}

/** The program, its service and its files. */
export class WorkerSite implements AsyncDisposable {
  readonly folder: string;
  readonly program: Program;
  readonly port: number;
  readonly adminPort: number;
  readonly service: http.Server;
  readonly #config: Record<string, unknown>;
  readonly #connections: Connection[] = [];

  private constructor(
    folder: string,
    ports: readonly [number, number],
    service: http.Server,
    config: Record<string, unknown>,
    options: SiteOptions,
  ) {
    this.folder = folder;
    [this.port, this.adminPort] = ports;
    this.service = service;
    this.#config = config;
    this.write(config);
    if (options.mishap !== undefined) for (const worker of [0, 1]) this.cause(worker, options.mishap);
    const flags = [`--import=${pathToFileURL(join(import.meta.dirname, "mishaps.ts")).href}`, ...(options.flags ?? [])];
    this.program = new Program(["run", this.file], {
      environment: {
        NODE_OPTIONS: flags.join(" "),
        [MISHAPS]: join(folder, "mishap-"),
        ...options.environment,
      },
      ...(options.command === undefined ? {} : { command: options.command }),
    });
  }

  static async start(options: SiteOptions = {}): Promise<WorkerSite> {
    const service = http.createServer(options.serve ?? ((request, answer) => void answer.end(request.url)));
    service.keepAliveTimeout = 60_000;
    await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
    const ports = (await freePorts(2)) as [number, number];
    const { port } = service.address() as AddressInfo; // it listens on a port
    const config = {
      admin: { port: ports[1], shutdownGraceMs: 5000 },
      workers: options.workers ?? 2,
      routers: [
        {
          protocol: "http",
          dtab: `/svc/web => /$/inet/127.0.0.1/${port}`,
          servers: [{ port: ports[0], ...options.server }],
          ...options.router,
        },
      ],
      ...options.rest,
    };
    if ("admin" in (options.rest ?? {})) ports[1] = (config.admin as { port: number }).port;
    const folder = mkdtempSync(join(tmpdir(), "fairlead-workers-"));
    const site = new WorkerSite(folder, ports, service, config, options);
    try {
      await site.program.said("is ready");
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
    return site;
  }

  get file(): string {
    return join(this.folder, "fairlead.json");
  }

  get servicePort(): number {
    return (this.service.address() as AddressInfo).port; // it listens on a port
  }

  /** The configuration file as it was, with some keys changed; of the router by `router`. */
  write(rest: object, router: object = {}): void {
    const { routers } = this.#config as { routers: object[] };
    const changed = routers.map((one) => ({ ...one, ...router }));
    writeFileSync(this.file, JSON.stringify({ ...this.#config, routers: changed, ...rest }));
  }

  connect(): Connection {
    const connection = new Connection(this.port);
    this.#connections.push(connection);
    return connection;
  }

  admin(path: string, method = "GET"): Promise<Fetched> {
    return ask(this.adminPort, {}, path, method);
  }

  /** All metrics, of one worker or together. */
  async metrics(worker?: number): Promise<Record<string, number>> {
    const { text } = await this.admin(`/admin/metrics.json${worker === undefined ? "" : `?worker=${worker}`}`);
    return JSON.parse(text) as Record<string, number>; // a flat object of numbers
  }

  async workers(): Promise<WorkerSubject[]> {
    return JSON.parse((await this.admin("/workers.json")).text) as WorkerSubject[]; // as documented
  }

  /** Connections that a worker has, so many each. */
  async connections(each: number): Promise<[Connection[], Connection[]]> {
    const found: [Connection[], Connection[]] = [[], []];
    while (found.some(({ length }) => length < each)) {
      const connection = this.connect();
      const before = (await this.metrics(0))[this.name("requests")] ?? 0;
      await connection.ask("/whose");
      const first = ((await this.metrics(0))[this.name("requests")] ?? 0) > before;
      const mine = found[first ? 0 : 1];
      if (mine.length < each) mine.push(connection);
      else connection[Symbol.dispose]();
    }
    return found;
  }

  /** A metric of the server. */
  name(metric: string): string {
    return `rt/http/server/127.0.0.1/${this.port}/${metric}`;
  }

  /** Has something happen to a worker. */
  cause(worker: number, what: Mishap): void {
    writeFileSync(join(this.folder, `mishap-${worker}`), what);
  }

  /** It is over. */
  spare(worker: number): void {
    rmSync(join(this.folder, `mishap-${worker}`));
  }

  /** Waits until all workers serve, and one of them has been replaced so often. @returns how long it took. */
  async replaced(worker: number, restarts: number): Promise<number> {
    const beganMs = performance.now();
    let seen: WorkerSubject[] = [];
    let asking = false;
    await until(
      () => {
        if (!asking) {
          asking = true;
          void this.workers()
            .then((all) => (seen = all))
            .catch(() => undefined) // the wait says what was seen last
            .finally(() => (asking = false));
        }
        return seen[worker]?.restarts === restarts && seen.every(({ state }) => state === "serving");
      },
      () => `worker ${worker} to be replaced ${restarts} times; ${JSON.stringify(seen)} ${this.program.err}`,
    );
    return performance.now() - beganMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection[Symbol.dispose]();
    this.service.close();
    this.service.closeAllConnections();
    await this.program[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
