// A server of this process itself: a listener on the proxy's own HTTP/1.1 codec, and what it answers.
import type { Env } from "../base/env.ts";
import { within } from "../base/within.ts";
import { causes } from "../core/cause.ts";
import type { Listener } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { isUnixPath, plainAddressText, type SocketAddress } from "../core/socket-address.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import { LINKERD_OVERRIDES } from "../protocols/http/overrides.ts";
import type { Http1Limits } from "../protocols/http1/limits.ts";
import type { LocalAnswer, LocalRequest } from "../protocols/http1/local-answer.ts";
import { LocalService } from "../protocols/http1/local-service.ts";
import type { Http1, Http1Server } from "../protocols/http1/protocol.ts";
import type { ServerConnectionStats } from "../protocols/http1/server-context.ts";
import type { Logger } from "../telemetry/log.ts";
import { listenAddress, type ListenPlace, socketTimeouts } from "../transport/config.ts";

/** Where to listen, and how. */
export interface LocalServerSettings extends ListenPlace {
  readonly socketOptions: {
    readonly backlog?: number | undefined;
    readonly keepAlive?: boolean | undefined;
    readonly noDelay?: boolean | undefined;
    readonly reusePort?: boolean | undefined;
    readonly readTimeoutMs?: number | undefined;
    readonly writeTimeoutMs?: number | undefined;
  };
}

/** What the server stands on. */
export interface LocalServerParts {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly stats: ServerConnectionStats;
  readonly logger: Logger;
}

/** What it is called. */
export interface LocalServerWords {
  /** In messages. */
  readonly what: string;
  /** An inherited socket of this name is its own. */
  readonly name: string;
  /** The keys of its address. */
  readonly keys: { readonly ip: string; readonly port: string };
}

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_CONCURRENT = 64;
/** How long a stopped server waits for its callers to close, and one that steps aside for requests that are under way. */
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

/** A listening server; those that are something in particular say what they answer. */
export abstract class LocalServer {
  readonly #parts: LocalServerParts;
  readonly #service: LocalService;
  #server: Http1Server | null = null;

  constructor(parts: LocalServerParts) {
    const { env, logger, loop } = parts;
    this.#parts = parts;
    this.#service = new LocalService({
      env,
      loop,
      maxBodyBytes: MAX_BODY_BYTES,
      maxConcurrent: MAX_CONCURRENT,
      failed: (error) => logger.error("an admin request could not be answered", error),
      serve: (request) => this.serve(request),
    });
  }

  /** Answers, or throws a `LocalProblem`. */
  protected abstract serve(request: LocalRequest): Promise<LocalAnswer>;

  /** Listens, or goes on with the listener of another. Rejects, in words, when that is not possible. */
  protected async listen(
    settings: LocalServerSettings,
    words: LocalServerWords,
    listener: Listener | null,
  ): Promise<void> {
    const { http1, stats } = this.#parts;
    const { backlog, keepAlive, noDelay, reusePort } = settings.socketOptions;
    const where = {
      ...listenAddress(settings),
      names: [words.name],
      backlog,
      keepAlive,
      noDelay,
      reusePort,
      reserved: true,
    };
    const timeouts = socketTimeouts(settings.socketOptions);
    const bounds = { limits: LIMITS, admission: admission(this.#parts.env), timeouts };
    try {
      this.#server = await http1.listen(listener ?? where, bounds, this.#service, () => stats);
    } catch (error) {
      throw cannotListen(where, words, error);
    }
  }

  /** The address listened on; its port is the real one. */
  get listener(): Listener {
    const listener = this.#server?.listener ?? null;
    if (listener === null) throw new Error("a server exists only listening"); // `listen` set it
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

  /** Stops accepting, and finishes what is in progress; connections of a moment ago may still ask something. Waits no longer than a moment. */
  async drain(patienceMs: number = DRAIN_MS): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    await within(this.#parts.env.timers, DRAIN_MS, server.drain(patienceMs), undefined);
  }

  /** Stops accepting, finishes what is in progress, and closes what is left after a moment. */
  async stop(): Promise<void> {
    await this.drain(0);
    this.#server?.abandon(new Failure(causes.drainLimit));
    this.#parts.loop.scratch.flush();
  }
}

/** Nothing of a request's context matters here: it goes no further. */
function admission({ clock }: Env): AdmissionOptions {
  return {
    clearContext: true,
    b3: false,
    maxCallDepth: 1000,
    timestampHeader: "",
    forwarded: null,
    localDtabs: new LocalDtabs((text) => text, clock),
    overrides: LINKERD_OVERRIDES,
  };
}

/** The system's error in words; its code, address and port, or path, are kept for whoever looks for them. */
function cannotListen({ host, port }: SocketAddress, { keys, what }: LocalServerWords, cause: unknown): Error {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const unix = isUnixPath(host);
  const reason = (unix ? reasonOf(cause) : whyNot(code, keys)) ?? String(cause);
  const message = `${what} cannot listen on ${plainAddressText({ host, port })}: ${reason}`;
  const about = unix ? { path: host, reason } : { address: host, port };
  return Object.assign(new Error(message, { cause }), { code, ...about });
}

/** The transport says it of a unix socket. */
function reasonOf(cause: unknown): string | undefined {
  return cause instanceof Error && "reason" in cause && typeof cause.reason === "string" ? cause.reason : undefined;
}

function whyNot(code: unknown, { ip, port }: LocalServerWords["keys"]): string | undefined {
  if (code === "EADDRINUSE") return `another process listens there; stop it, or choose another ${port}`;
  if (code === "EACCES") return `ports below 1024 need privileges; choose another ${port}`;
  if (code === "EADDRNOTAVAIL") return `this machine has no such address; choose another ${ip}`;
  return undefined;
}
