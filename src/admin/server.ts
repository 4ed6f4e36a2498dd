// The admin server: metrics, state and a few switches for people and monitoring, on the proxy's own HTTP/1.1 codec.
import type { Listener } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { causes } from "../core/cause.ts";
import { Failure } from "../core/failure.ts";
import { isUnixPath, plainAddressText, type SocketAddress } from "../core/socket-address.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import { LINKERD_OVERRIDES } from "../protocols/http/overrides.ts";
import type { Http1Limits } from "../protocols/http1/limits.ts";
import { type LocalAnswer, LocalProblem, type LocalRequest } from "../protocols/http1/local-answer.ts";
import { LocalService } from "../protocols/http1/local-service.ts";
import type { Http1, Http1Server } from "../protocols/http1/protocol.ts";
import type { ServerConnectionStats } from "../protocols/http1/server-context.ts";
import { listenAddress, type ListenPlace } from "../transport/config.ts";
import { problem, text } from "./answers.ts";
import { Guard } from "./guard.ts";
import { Parameters, unescaped } from "./parameters.ts";
import { MAX_PATH_LENGTH } from "./path-pattern.ts";
import { type Asked, type Found, findRoute, listOf, methodsOf, type Route, routesOf } from "./routes.ts";
import { Security, type SecurityRules } from "./security.ts";
import type { Subject } from "./subject.ts";

/** Where to listen, as the `admin` section says. */
export interface AdminSettings extends ListenPlace {
  readonly socketOptions: {
    readonly backlog?: number | undefined;
    readonly keepAlive?: boolean | undefined;
    readonly noDelay?: boolean | undefined;
    readonly reusePort?: boolean | undefined;
  };
  readonly security: SecurityRules;
}

/** What the server stands on. */
export interface AdminParts {
  readonly subject: Subject;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly stats: ServerConnectionStats;
}

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CONCURRENT = 64;
/** How long a stopped server waits for its callers to close. */
const DRAIN_MS = 500;

const LIMITS: Http1Limits = {
  head: { maxLineBytes: 32 * 1024, maxFieldsBytes: 32 * 1024, maxFields: 100 },
  maxErrBytes: 1024,
  headerTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 10_000,
  writeStallTimeoutMs: 30_000,
  tunnelIdleTimeoutMs: 0,
  tunnelHalfClosedTimeoutMs: 0,
  idleTimeoutMs: 120_000,
  lifeTimeMs: 0,
};

/** A listening admin server. */
export class AdminServer {
  readonly #parts: AdminParts;
  readonly #routes: readonly Route[];
  /** Those that anybody is told of; paths with `<…>` may be served without. */
  readonly #shown: readonly Route[];
  readonly #security: Security;
  readonly #guard: Guard;
  readonly #service: LocalService;
  #server: Http1Server | null = null;

  private constructor(settings: AdminSettings, parts: AdminParts) {
    const { env, log } = parts.subject;
    const logger = log.logger("admin");
    this.#parts = parts;
    this.#routes = routesOf(parts.subject);
    this.#security = new Security(settings.security, (pattern) => {
      logger.warn(
        `admin.security: ${pattern} takes too long over a path; from now on it denies whatever it is asked about`,
      );
    });
    this.#shown = this.#routes.flatMap((route) => this.#security.at(route, route.path) ?? []);
    this.#guard = new Guard(settings.socket ?? settings.ip);
    this.#service = new LocalService({
      env,
      loop: parts.loop,
      maxBodyBytes: MAX_BODY_BYTES,
      maxConcurrent: MAX_CONCURRENT,
      failed: (error) => logger.error("an admin request could not be answered", error),
      serve: (request) => this.#serve(request),
    });
  }

  /** Listens, or goes on with the listener of another. Rejects, in words, when that is not possible. */
  static async start(
    settings: AdminSettings,
    parts: AdminParts,
    listener: Listener | null = null,
  ): Promise<AdminServer> {
    const admin = new AdminServer(settings, parts);
    const { backlog, keepAlive, noDelay, reusePort } = settings.socketOptions;
    const where = {
      ...listenAddress(settings),
      names: ["admin"],
      backlog,
      keepAlive,
      noDelay,
      reusePort,
      reserved: true,
    };
    const bounds = { limits: LIMITS, admission: admission(parts) };
    try {
      admin.#server = await parts.http1.listen(listener ?? where, bounds, admin.#service, () => parts.stats);
    } catch (error) {
      throw cannotListen(where, error);
    }
    return admin;
  }

  /** The address listened on; its port is the real one. */
  get listener(): Listener {
    const listener = this.#server?.listener ?? null;
    if (listener === null) throw new Error("an admin server exists only listening"); // `start` set it
    return listener;
  }

  /** Gives the listener away; connections go with their next answer. */
  handOver(): Listener | null {
    return this.#server?.handOver() ?? null;
  }

  /** Another process listens here by now: closes the listener, and lets connections go with their next answer. */
  async stepAside(): Promise<void> {
    this.#server?.leave();
    this.listener.leaveFile();
    await this.listener.close();
  }

  /** Connections open at the moment. */
  get connections(): number {
    return this.#server?.connections ?? 0;
  }

  /** Requests in progress. */
  get active(): number {
    return this.#service.active;
  }

  /** Stops accepting, finishes what is in progress, and closes what is left after a moment. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    const late = Promise.withResolvers<void>();
    const timer = this.#parts.subject.env.timers.after(DRAIN_MS, () => late.resolve());
    await Promise.race([server.drain(), late.promise]);
    timer.cancel();
    server.abandon(new Failure(causes.drainLimit));
    this.#parts.loop.scratch.flush();
  }

  async #serve(request: LocalRequest): Promise<LocalAnswer> {
    const asksJson = /^[^?]*\.json(?:\?|$)/.test(request.target);
    try {
      this.#guard.check(request);
      return await this.#answer(request);
    } catch (error) {
      if (error instanceof LocalProblem) return problem(error.status, error.message, asksJson);
      throw error;
    }
  }

  async #answer(request: LocalRequest): Promise<LocalAnswer> {
    const question = request.target.indexOf("?");
    const path = question < 0 ? request.target : request.target.slice(0, question);
    const found = this.#find(path);
    if (found === undefined)
      return text(404, `there is no ${path.slice(0, 200)} here; there is:\n\n${listOf(this.#shown)}`);
    const { route } = found;
    const { method } = request;
    const answering = method === "POST" ? route.post : method === "GET" || method === "HEAD" ? route.get : undefined;
    if (answering === undefined) return wrongMethod(route, method);
    const query = Parameters.fromForm(question < 0 ? "" : request.target.slice(question + 1), "the query");
    const parameters = method === "POST" ? (await bodyOf(request)).with(query) : query;
    const accept = request.header("accept");
    const asked: Asked = { parameters, name: unescaped(found.name, "the path"), accept, routes: this.#shown };
    return answering(this.#parts.subject, asked);
  }

  /** The endpoint of a path, as far as it may be had. */
  #find(path: string): Found | undefined {
    if (path.length > MAX_PATH_LENGTH) return undefined;
    const found = findRoute(this.#routes, path);
    if (found === undefined) return undefined;
    const { name } = found;
    // Of paths without a gap it was decided at the start.
    const route = name === "" ? this.#shown.find((shown) => shown.path === path) : this.#security.at(found.route, path);
    return route === undefined ? undefined : { route, name };
  }
}

async function bodyOf(request: LocalRequest): Promise<Parameters> {
  const body = await request.body();
  if (body.length === 0) return Parameters.fromForm("", "the body");
  return Parameters.fromBody(body, request.header("content-type"));
}

function wrongMethod(route: Route, method: string): LocalAnswer {
  const allowed = methodsOf(route).join(", ");
  return problem(
    405,
    `${route.path} does not take ${method.slice(0, 64)}; it takes ${allowed}`,
    route.path.endsWith(".json"),
    { Allow: allowed },
  );
}

/** Nothing of a request's context matters here: it goes no further. */
function admission({ subject }: AdminParts): AdmissionOptions {
  const localDtabs = new LocalDtabs((text) => text, subject.env.clock);
  const overrides = LINKERD_OVERRIDES;
  return { clearContext: true, maxCallDepth: 1000, timestampHeader: "", forwarded: null, localDtabs, overrides };
}

/** The system's error in words; its code, address and port, or path, are kept for whoever looks for them. */
function cannotListen({ host, port }: SocketAddress, cause: unknown): Error {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const unix = isUnixPath(host);
  const reason = (unix ? reasonOf(cause) : whyNot(code)) ?? String(cause);
  const message = `the admin server cannot listen on ${plainAddressText({ host, port })}: ${reason}`;
  const about = unix ? { path: host, reason } : { address: host, port };
  return Object.assign(new Error(message, { cause }), { code, ...about });
}

/** The transport says it of a unix socket. */
function reasonOf(cause: unknown): string | undefined {
  return cause instanceof Error && "reason" in cause && typeof cause.reason === "string" ? cause.reason : undefined;
}

function whyNot(code: unknown): string | undefined {
  if (code === "EADDRINUSE") return "another process listens there; stop it, or choose another admin.port";
  if (code === "EACCES") return "ports below 1024 need privileges; choose another admin.port";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address; choose another admin.ip";
  return undefined;
}
