// The namers of a configuration.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Env } from "../base/env.ts";
import { Activity } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import type { Namer } from "../core/namer.ts";
import { PathMatcher, PathTemplate } from "../core/path-matcher.ts";
import { type Path, pathFrom } from "../core/path.ts";
import { systemResolver } from "../namers/dns/resolver.ts";
import { dtabFile } from "../namers/fs/dtab-file.ts";
import { FsNamer } from "../namers/fs/namer.ts";
import { Problems } from "../namers/fs/problems.ts";
import { rewriteNamer } from "../namers/rewrite/namer.ts";
import { dtabFrom } from "../naming/dtab-parser.ts";
import { Hosts } from "../naming/hosts.ts";
import { Interpreter } from "../naming/interpreter.ts";
import { NamerTable } from "../naming/namer-table.ts";
import { transformedNamer } from "../naming/transformers/transformed-namer.ts";
import { utilityNamers } from "../naming/utility-namers.ts";
import type { Logger } from "../telemetry/log.ts";
import type { NamerConfig, RouterConfig } from "./config.ts";
import { makeTransformer } from "./transformers.ts";

/** The base dtab of a router: what its interpreter keeps elsewhere, then what stands in the file (linkerd1 §3.3). */
export function baseDtab(router: RouterConfig, env: Env, logger: Logger): Activity<Dtab> {
  const written = dtabFrom(router.dtab);
  if (router.interpreter.kind === "default") return Activity.ok(written);
  return dtabFile(router.interpreter.dtabFile, env, reported(logger, "rules")).map((stored) => stored.concat(written));
}

/** What names are found by: all routers of a process share it. */
export interface Naming {
  /** The namers of the file, and the built-in ones. */
  readonly namers: NamerTable;
  readonly hosts: Hosts;
}

export function makeNaming(written: readonly NamerConfig[], env: Env, logger: Logger): Naming {
  const hosts = new Hosts(env, systemResolver());
  const configured = written.map((config) => {
    const namer = makeNamer(config, env, hosts, logger);
    const transformer = makeTransformer(config.transformers, hosts);
    return transformer === undefined ? namer : transformedNamer(namer, transformer);
  });
  return { namers: new NamerTable(configured, utilityNamers(hosts)), hosts };
}

/** The interpreter of a router. */
export function makeInterpreter(router: RouterConfig, { hosts, namers }: Naming): Interpreter {
  return new Interpreter(namers, makeTransformer(router.interpreter.transformers, hosts));
}

function fsNamer(rootDir: string, prefix: Path, env: Env, hosts: Hosts, logger: Logger): FsNamer {
  const directory = resolve(rootDir);
  if (!existsSync(directory)) logger.warn(`rootDir ${directory} does not exist; until it does, no name is found there`);
  return new FsNamer({ prefix, rootDir, problems: reported(logger, "addresses") }, env, hosts);
}

/** Problems that the log tells of. @param what is in the files. */
function reported(logger: Logger, what: string): Problems {
  return new Problems(
    (problem) => logger.warn(`${problem}; the last good ${what}, if any, stay in force until that is mended`),
    (file) => logger.info(`${file} is in order again`),
  );
}

function makeNamer(config: NamerConfig, env: Env, hosts: Hosts, logger: Logger): Namer {
  const prefix = pathFrom(`/#${config.prefix}`);
  switch (config.kind) {
    case "io.l5d.fs":
      return fsNamer(config.rootDir, prefix, env, hosts, logger);
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
