// `fairlead run`: serves until told to stop. This process lives long, so it loads nothing that it does not need.
import { flushCompileCache } from "node:module";
import { Linker } from "../../app/linker.ts";
import type { LinkerConfig } from "../../app/config.ts";
import { socketsOf } from "../../app/inherited-sockets.ts";
import { ServiceManager } from "../../app/service-manager.ts";
import { type Succession, successor, tellReady } from "../../app/successor.ts";
import { version } from "../../app/version.ts";
import { type Env, systemEnv } from "../../base/env.ts";
import { stayAlive } from "../../base/timers.ts";
import { levelOf, LEVELS, Log, type Logger } from "../../telemetry/log.ts";
import { InheritedSockets } from "../../transport/node/inherited-sockets.ts";
import { CommandProblem, Exit, type Given } from "../command.ts";
import { leaveAtOnce } from "../leave.ts";
import { Signal } from "../signal.ts";
import { portProblem } from "../port-problem.ts";
import { builtInConfig, usableFile } from "../read-config.ts";
import type { Terminal } from "../terminal.ts";

/** When what start-up compiled is kept for the next start; a process that is killed later has not lost it. */
const FLUSH_AFTER_MS = 2000;
/** The same signal again within this time is the same wish: a process group gets it from the system, and from the launcher once more. */
const ECHO_MS = 500;
/** How long after the stop something forgotten may keep the process from ending. */
const LINGER_MS = 1000;

export async function run(given: Given, terminal: Terminal): Promise<number> {
  using _alive = stayAlive();
  const parent = process.ppid; // later it may be another
  const env = systemEnv();
  const log = logOf(given, env, terminal);
  const logger = log.logger("main");
  const file = given.operand(0);
  if (file === undefined) logger.info("no configuration was named: a forward proxy that looks up hosts in DNS");
  const source = file === undefined ? null : await usableFile(file, given.has("expand-env"), terminal);
  const config = source?.config ?? (await builtInConfig());
  using stop = new StopSignals(logger, env, config.admin.shutdownGraceMs);
  using reopen = new Signal("SIGUSR2");
  using hangUp = new Signal("SIGHUP");
  const linker = await started(config, log, env);
  reopen.tell(() => void linker.reopenAccessLogs());
  using manager = new ServiceManager(process.env, env, log.logger("service-manager"));
  manager.ready(servingText(linker));
  if (source !== null && file !== "-") {
    const { options, text } = source;
    linker.followFile(options, text, {
      explain: (error, tried) => portProblem(error, tried) ?? String(error),
      reloading: () => manager.reloading(),
      reloaded: () => manager.ready(servingText(linker)),
    });
  }
  const input = file === "-" && source !== null ? source.text : "";
  linker.restart = () => replacedOnce({ linker, manager, logger, env, input, parent });
  hangUp.tell(() => {
    if (linker.reloader === null) logger.info("SIGHUP: there is no file to read again");
    else void linker.reloader.reload("SIGHUP");
  });
  void linker.stopping.then(() => manager.stopping("finishing what is in progress"));
  logger.info(`fairlead ${version()} is ready (process ${process.pid}, Node ${process.versions.node})`);
  tellReady();
  env.timers.after(FLUSH_AFTER_MS, flushCompileCache);
  void stop.asked.then(() => linker.stop(linker.config.admin.shutdownGraceMs));
  const clean = await linker.stopped;
  await manager.handedOver; // or the end of this process would be that of the service
  logger.info(clean ? "stopped; everything in progress was finished" : "stopped; what was still in progress was ended");
  flushCompileCache();
  env.timers.after(LINGER_MS, leaveAtOnce); // runs only if something keeps the process alive
  return Exit.ok;
}

function servingText({ controlled }: Linker): string {
  return `serving ${controlled.map(({ config: { label } }) => label).join(", ")}`;
}

interface Replaceable {
  readonly linker: Linker;
  readonly manager: ServiceManager;
  readonly logger: Logger;
  readonly env: Env;
  /** The configuration, where it came from standard input. */
  readonly input: string;
  readonly parent: number;
}

let replacing: Promise<Succession> | null = null;

/** One at a time; whoever asks meanwhile is told of the same. One that has succeeded is the last. */
function replacedOnce(what: Replaceable): Promise<Succession> {
  replacing ??= replaced(what).then((outcome) => {
    if (outcome.at === "failed") replacing = null;
    return outcome;
  });
  return replacing;
}

/** Starts a successor; as soon as it serves, this process stops. */
async function replaced({ env, input, linker, logger, manager, parent }: Replaceable): Promise<Succession> {
  if (!linker.ready) return { at: "failed", message: "this process is stopping" };
  logger.info("a new process is to take over");
  // Both read the same file: what it has that is new is for one of them to listen on.
  const held = await linker.reloader?.hold();
  const sockets = await socketsOf(linker);
  const outcome = await successor({ sockets, env, input, parent, revoked: linker.stopping });
  if (outcome.at === "failed") {
    logger.error(`the new process cannot take over: ${outcome.message}`);
    held?.[Symbol.dispose]();
    return outcome;
  }
  logger.info(`process ${outcome.pid} serves from now on; this one finishes what is in progress`);
  void manager.replacedBy(outcome.pid);
  void linker.stepAside(linker.config.admin.shutdownGraceMs);
  return outcome;
}

function logOf(given: Given, env: Env, terminal: Terminal): Log {
  const written = given.value("log-level") ?? "INFO";
  const level = levelOf(written);
  if (level === undefined) throw new CommandProblem(`--log-level ${written}: write one of ${LEVELS.join(", ")}`);
  const log = new Log(env.clock, (line) => terminal.err(line));
  log.setLevel("", level);
  return log;
}

async function started(config: LinkerConfig, log: Log, env: Env): Promise<Linker> {
  try {
    return await Linker.start(config, { log, env, inherited: InheritedSockets.from(process.env) });
  } catch (error) {
    const problem = portProblem(error, config);
    throw problem === null ? error : new CommandProblem(problem, Exit.failed);
  }
}

/** SIGTERM and SIGINT: the first asks for a stop, the second ends the process at once. */
class StopSignals {
  readonly #asked = Promise.withResolvers<void>();
  readonly #logger: Logger;
  readonly #env: Env;
  readonly #graceMs: number;
  #first: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null;
  readonly #onSignal = (signal: NodeJS.Signals): void => this.#take(signal);

  constructor(logger: Logger, env: Env, graceMs: number) {
    this.#logger = logger;
    this.#env = env;
    this.#graceMs = graceMs;
    process.on("SIGTERM", this.#onSignal);
    process.on("SIGINT", this.#onSignal);
  }

  /** Settled at the first signal. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  #take(signal: NodeJS.Signals): void {
    const nowMs = this.#env.clock.nowMs();
    if (this.#first !== null) {
      if (signal === this.#first.signal && nowMs - this.#first.atMs < ECHO_MS) return;
      this.#logger.warn(`${signal} again: ending at once`);
      process.exit(Exit.failed);
    }
    this.#first = { signal, atMs: nowMs };
    this.#logger.info(
      `${signal}: stopping; requests in progress have ${this.#graceMs} ms, a second signal ends at once`,
    );
    this.#asked.resolve();
  }

  [Symbol.dispose](): void {
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGINT", this.#onSignal);
  }
}
