// The namers of a configuration.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Env } from "../base/env.ts";
import type { Namer } from "../core/namer.ts";
import { PathMatcher, PathTemplate } from "../core/path-matcher.ts";
import { type Path, pathFrom } from "../core/path.ts";
import { systemResolver } from "../namers/dns/resolver.ts";
import { NamedFilesNamer } from "../namers/fs/named-files.ts";
import { FsNamer } from "../namers/fs/namer.ts";
import { Problems } from "../namers/fs/problems.ts";
import { rewriteNamer } from "../namers/rewrite/namer.ts";
import { StaticNamer } from "../namers/static/namer.ts";
import { Hosts } from "../naming/hosts.ts";
import { Interpreter } from "../naming/interpreter.ts";
import { NamerTable } from "../naming/namer-table.ts";
import { transformedNamer } from "../naming/transformers/transformed-namer.ts";
import { utilityNamers } from "../naming/utility-namers.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { NamerConfig, RouterConfig } from "./config.ts";
import { type Extensions, kindIn, noExtensions } from "./extensions.ts";
import { pluggedNamer } from "./plugged.ts";
import { makeTransformer } from "./transformers.ts";

/** Namers of plug-ins. */
export interface PluggedNamers {
  readonly namers: Extensions["namers"];
  /** Where they count. */
  scope(): Scope;
}

const noNamers: PluggedNamers = {
  namers: noExtensions.namers,
  scope: () => {
    throw new Error("there are no namers of plug-ins");
  },
};

/** What names are found by: all routers of a process share it. */
export class Naming {
  /** The namers of the file, and the built-in ones. */
  readonly table: NamerTable;
  readonly hosts: Hosts;
  readonly #written: readonly NamerConfig[];
  readonly #made: readonly Namer[];
  readonly #env: Env;
  readonly #logger: Logger;
  readonly #plugged: PluggedNamers;

  /** @param former what was there before: a namer that is written as it was there goes on with what it knows. */
  constructor(
    written: readonly NamerConfig[],
    env: Env,
    logger: Logger,
    plugged: PluggedNamers = noNamers,
    former?: Naming,
  ) {
    const hosts = former?.hosts ?? new Hosts(env, systemResolver());
    this.#env = env;
    this.#logger = logger;
    this.#written = written;
    this.#plugged = plugged;
    this.#made = written.map(
      (config) =>
        (former === undefined ? undefined : former.#known(config, plugged)) ??
        makeTransformedNamer(config, env, hosts, logger, plugged),
    );
    this.hosts = hosts;
    this.table = new NamerTable(this.#made, utilityNamers(hosts));
  }

  /** The same if nothing is different. */
  next(written: readonly NamerConfig[], plugged = this.#plugged): Naming {
    if (
      isDeepStrictEqual(written, this.#written) &&
      written.every((config) => sameKind(config, plugged, this.#plugged))
    )
      return this;
    return new Naming(written, this.#env, this.#logger, plugged, this);
  }

  #known(config: NamerConfig, plugged: PluggedNamers): Namer | undefined {
    if (!sameKind(config, plugged, this.#plugged)) return undefined;
    return this.#made[this.#written.findIndex((written) => isDeepStrictEqual(written, config))];
  }
}

function sameKind(config: NamerConfig, a: PluggedNamers, b: PluggedNamers): boolean {
  return kindIn(a.namers, config) === kindIn(b.namers, config);
}

function makeTransformedNamer(
  config: NamerConfig,
  env: Env,
  hosts: Hosts,
  logger: Logger,
  plugged: PluggedNamers,
): Namer {
  const namer = makeNamer(config, env, hosts, logger, plugged);
  const transformer = makeTransformer(config.transformers, hosts);
  return transformer === undefined ? namer : transformedNamer(namer, transformer);
}

/** The interpreter of a router. */
export function makeInterpreter(router: RouterConfig, { hosts, table }: Naming): Interpreter {
  return new Interpreter(table, makeTransformer(router.interpreter.transformers, hosts));
}

function fsNamer(rootDir: string, prefix: Path, env: Env, hosts: Hosts, logger: Logger): FsNamer {
  const directory = resolve(rootDir);
  if (!existsSync(directory)) logger.warn(`rootDir ${directory} does not exist; until it does, no name is found there`);
  return new FsNamer({ prefix, rootDir, problems: reported(logger, "addresses") }, env, hosts);
}

function namedFiles(
  names: Readonly<Record<string, string>>,
  prefix: Path,
  env: Env,
  hosts: Hosts,
  logger: Logger,
): NamedFilesNamer {
  for (const [name, file] of Object.entries(names)) {
    if (!existsSync(file)) logger.warn(`${resolve(file)} does not exist; until it does, ${name} has no endpoints`);
  }
  return new NamedFilesNamer({ prefix, names, problems: reported(logger, "addresses") }, env, hosts);
}

/** Problems that the log tells of. @param what is in the files. */
export function reported(logger: Logger, what: string): Problems {
  return new Problems(
    (problem) => logger.warn(`${problem}; the last good ${what}, if any, stay in force until that is mended`),
    (file) => logger.info(`${file} is in order again`),
  );
}

function makeNamer(
  config: NamerConfig,
  env: Env,
  hosts: Hosts,
  logger: Logger,
  { namers, scope }: PluggedNamers,
): Namer {
  const prefix = pathFrom(`/#${config.prefix}`);
  const kind = kindIn(namers, config);
  if (kind !== undefined) return pluggedNamer(kind, config, prefix, { env, logger, scope: scope() });
  switch (config.kind) {
    case "io.l5d.fs":
      return fsNamer(config.rootDir, prefix, env, hosts, logger);
    case "fairlead.static":
      return new StaticNamer(prefix, config.names, hosts);
    case "fairlead.files":
      return namedFiles(config.names, prefix, env, hosts, logger);
    case "io.l5d.rewrite": {
      const pattern = PathMatcher.parse(config.pattern);
      const name = PathTemplate.parse(config.name);
      // The schema has parsed both; a failure here is a bug of ours.
      if (!(pattern instanceof PathMatcher) || !(name instanceof PathTemplate))
        throw new Error(`bad rewrite ${config.pattern}`);
      return rewriteNamer({ prefix, pattern, name });
    }
  }
}
