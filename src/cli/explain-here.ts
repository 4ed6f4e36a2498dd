// Resolves a name in this process, by rules on the command line or by those of a configuration.
import { BaseDtab } from "../app/base-dtab.ts";
import type { LinkerConfig, RouterConfig } from "../app/config.ts";
import { extensionsOf } from "../app/extensions.ts";
import { makeInterpreter, Naming } from "../app/namers.ts";
import { type Env, systemEnv } from "../base/env.ts";
import { stayAlive } from "../base/timers.ts";
import { Activity } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import type { Path } from "../core/path.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { Constant, type Var } from "../core/var.ts";
import { type Delegation, isSettled } from "../naming/delegation.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import { Interpreter } from "../naming/interpreter.ts";
import { Log } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { CommandProblem, Exit, type Given } from "./command.ts";
import { usableConfig } from "./read-config.ts";
import type { Terminal } from "./terminal.ts";

/** How long files and DNS may take to answer. */
const SETTLE_MS = 2000;

/** The rules by which names are resolved, and what they lead to. */
interface Rules {
  readonly base: Activity<Dtab>;
  readonly interpreter: Interpreter;
}

/** Explains `path` by `--dtab` or `--config`. What is still unknown after two seconds stays pending. */
export async function explainHere(path: Path, given: Given, terminal: Terminal): Promise<Delegation> {
  const env = systemEnv();
  const override = parsedDtab("--override", given.value("override") ?? "");
  const { base, interpreter } = await rulesOf(given, env, terminal);
  const explanation = base.states.flatMap((state): Var<Delegation> => {
    if (state.at === "ok") return interpreter.delegate(state.value, override, path);
    if (state.at === "pending") return new Constant({ type: "pending", path: path.show() });
    return new Constant({ type: "exception", path: path.show(), message: state.message });
  });
  return settled(explanation, env);
}

async function rulesOf(given: Given, env: Env, terminal: Terminal): Promise<Rules> {
  const logger = new Log(env.clock, (line) => terminal.err(line)).logger("naming");
  const dtab = given.value("dtab");
  if (dtab !== undefined) {
    return {
      base: Activity.ok(parsedDtab("--dtab", dtab)),
      interpreter: new Interpreter(new Naming([], env, logger).table),
    };
  }
  const config = await usableConfig(given.value("config") ?? "", given.has("expand-env"), terminal);
  const router = routerOf(config, given.value("router"));
  const { root } = new MetricsRegistry(env); // for namers of plug-ins, which count
  const { namers } = await extensionsOf(config.plugins);
  using _alive = stayAlive();
  const { live } = await BaseDtab.open(router, env, logger);
  return {
    base: live,
    interpreter: makeInterpreter(router, new Naming(config.namers, env, logger, { namers, scope: () => root })),
  };
}

function parsedDtab(option: string, text: string): Dtab {
  const dtab = parseDtab(text);
  if (!(dtab instanceof SyntaxProblem)) return dtab;
  throw new CommandProblem(`${option}, line ${dtab.line}, column ${dtab.column}: ${dtab.show()}`);
}

function routerOf({ routers }: LinkerConfig, label: string | undefined): RouterConfig {
  const labels = routers.map((router) => router.label).join(", ");
  const [first] = routers;
  if (label === undefined && first !== undefined && routers.length === 1) return first;
  if (label === undefined) throw new CommandProblem(`there are several routers; write --router with one of ${labels}`);
  const router = routers.find((known) => known.label === label);
  if (router === undefined)
    throw new CommandProblem(`there is no router ${label}; write one of ${labels}`, Exit.failed);
  return router;
}

/** The explanation once everything in it is known, or as far as it is known in time. */
async function settled(explanation: Var<Delegation>, env: Env): Promise<Delegation> {
  using _alive = stayAlive();
  const { promise, resolve } = Promise.withResolvers<Delegation>();
  let latest: Delegation | undefined;
  using _watch = explanation.observe((tree) => {
    latest = tree;
    if (isSettled(tree)) resolve(tree);
  });
  using _limit = env.timers.after(SETTLE_MS, () => latest !== undefined && resolve(latest));
  return await promise; // not before this are the watches let go
}
