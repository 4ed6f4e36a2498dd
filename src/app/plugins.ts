// The plug-ins a configuration names: loaded before it is read, so that their kinds are part of its schema. Only files with `plugins` load this.
import { existsSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ConfigNode, entryOf } from "../config/node.ts";
import { type Problems, quote } from "../config/problems.ts";
import type { OpenChoice } from "../config/spec.ts";
import { API_VERSION, isPlugin, type Plugin } from "../plugin/define.ts";
import type { AccrualKind, FilterKind, IdentifierKind, NamerKind } from "../plugin/kinds.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import type { Extensions, PluginList } from "./extensions.ts";
import { coreKinds } from "./schema-with.ts";

/** What plug-ins import. */
const ENTRY = "fairlead/plugin";
/** Names of these belong to Linkerd and to us. */
const RESERVED = /^(?:io\.l5d\.|io\.buoyant\.|fairlead\.)/;
const NAME = /^[A-Za-z][\w-]*(?:\.[\w-]+)*$/;
const METRIC_NAME = /^[a-z][a-z0-9_]*$/;

/** The parts of a plug-in, and which choice they belong to. */
const PARTS = {
  identifiers: "identifier",
  namers: "namer",
  accruals: "accrual",
  filters: "filter",
  protocols: "protocol",
} as const satisfies Readonly<Record<Exclude<keyof Extensions, "plugins">, OpenChoice>>;

type Part = keyof typeof PARTS;

/** Loads what `plugins` names; what cannot be loaded is a problem at its line. @param directory where relative paths begin. */
export async function loadPlugins(root: ConfigNode, problems: Problems, directory: string): Promise<Extensions> {
  const collected = new Collected();
  const list = entryOf(root, "plugins")?.value;
  if (list?.type !== "list") return collected; // the schema says what is wrong with it
  for (const [index, node] of list.items.entries()) {
    if (node.type !== "scalar" || typeof node.value !== "string" || node.value === "") continue; // as above
    const problem = await loadOne(node.value, directory, collected);
    if (problem !== null) problems.error(node, ["plugins", index], ...problem);
  }
  return collected;
}

/** Loads the plug-ins of a configuration that has been read elsewhere. @throws Error in words when one cannot be loaded. */
export async function loadListed({ directory, specifiers }: PluginList): Promise<Extensions> {
  const collected = new Collected();
  for (const specifier of specifiers) {
    const problem = await loadOne(specifier, directory, collected);
    if (problem !== null) throw new Error(`plug-in ${problem[0]}: ${problem[1]}`);
  }
  return collected;
}

/** When the files that were loaded had been changed last. */
const loadedMs = new Map<string, number>();

/** Those that have changed since this thread has loaded them. */
export function changedFiles({ directory, specifiers }: PluginList): readonly string[] {
  const paths = specifiers.filter(isPath).map((specifier) => resolve(directory, specifier));
  return paths.filter((path) => {
    const known = loadedMs.get(path);
    return known !== undefined && statSync(path, { throwIfNoEntry: false })?.mtimeMs !== known;
  });
}

type LoadProblem = readonly [message: string, advice: string];

async function loadOne(specifier: string, directory: string, collected: Collected): Promise<LoadProblem | null> {
  const path = isPath(specifier) ? resolve(directory, specifier) : null;
  if (path !== null && !existsSync(path)) return [`there is no file ${path}`, PATH_ADVICE];
  if (path !== null && statSync(path).isDirectory()) return [`${path} is a directory`, "name a file in it"];
  if (path !== null && !loadedMs.has(path)) loadedMs.set(path, statSync(path).mtimeMs);
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await importPlugin(specifier, path, directory);
  } catch (error) {
    return loadProblem(specifier, directory, error);
  }
  const plugin = module["plugin"] ?? module["default"];
  if (!isPlugin(plugin))
    return [
      `${quote(specifier)} exports no plug-in`,
      'write there: export const plugin = definePlugin({ … }), with definePlugin from "fairlead/plugin"',
    ];
  if (plugin.fairleadPlugin !== API_VERSION)
    return [
      `${quote(specifier)} was made for version ${plugin.fairleadPlugin} of fairlead/plugin, and this one is ${API_VERSION}`,
      "install a release of it for this one",
    ];
  const problem = collected.add(plugin);
  return problem === null ? null : [problem, "give the kind a name of its own, or remove one of the two"];
}

const PATH_ADVICE =
  "write a path that begins in the directory of this file, such as ./plugins/mine.js, or the name of an installed package";

function loadProblem(specifier: string, directory: string, error: unknown): LoadProblem {
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: "", message: String(error) };
  const words = message.split("\n")[0] ?? "";
  if (code === "ERR_MODULE_NOT_FOUND" && words.includes(`'${specifier}'`))
    return [`no package ${quote(specifier)} is installed for ${directory}`, PATH_ADVICE];
  return [`${quote(specifier)} cannot be loaded: ${words}`, "mend the plug-in; node FILE shows where it fails"];
}

/** As Node has it: what does not begin so is the name of a package. */
function isPath(specifier: string): boolean {
  return /^\.{1,2}\//.test(specifier) || isAbsolute(specifier);
}

async function importPlugin(specifier: string, path: string | null, directory: string) {
  hook();
  const base = pathToFileURL(`${directory}/`).href;
  const url =
    path === null ? `${PACKAGE}${encodeURIComponent(specifier)}?${encodeURIComponent(base)}` : pathToFileURL(path).href;
  return (await import(/* @vite-ignore */ url)) as Readonly<Record<string, unknown>>; // a module
}

// ---- Resolution ------------------------------------------------------------------------------------------------------

/** A package as seen from a directory: `import` alone begins at this file. */
const PACKAGE = "fairlead-plugin:";
let hooked = false;

/**
 * Plug-ins get the `fairlead/plugin` of the very program that loads them, wherever they lie and whatever is installed beside them: with a
 * second copy no class would be the one the core knows. In a clone that is the source, in a package what it was compiled to. Each
 * thread has hooks of its own.
 */
function hook(): void {
  if (hooked) return;
  hooked = true;
  const own = new URL(import.meta.url).pathname.endsWith(".ts")
    ? "../../src/plugin/index.ts"
    : "../../dist/plugin/index.js";
  const url = new URL(own, import.meta.url).href;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === ENTRY) return { url, shortCircuit: true };
      if (!specifier.startsWith(PACKAGE)) return next(specifier, context);
      const [name = "", base = ""] = specifier.slice(PACKAGE.length).split("?").map(decodeURIComponent);
      return next(name, { ...context, parentURL: base });
    },
  });
}

// ---- Collection ------------------------------------------------------------------------------------------------------

/** Kinds by part, each once. */
class Collected implements Extensions {
  readonly plugins: string[] = [];
  readonly identifiers = new Map<string, IdentifierKind>();
  readonly namers = new Map<string, NamerKind>();
  readonly accruals = new Map<string, AccrualKind>();
  readonly filters = new Map<string, FilterKind>();
  readonly protocols = new Map<string, ProtocolKind>();
  readonly #owners = new Map<string, string>();

  /** @returns what is wrong with it. */
  add(plugin: Plugin): string | null {
    for (const part of Object.keys(PARTS) as Part[]) {
      for (const [name, kind] of Object.entries(plugin[part] ?? {})) {
        const problem = this.#problemOf(plugin, part, name) ?? metricProblem(name, kind.metrics);
        if (problem !== null) return problem;
        (this[part] as Map<string, typeof kind>).set(name, kind); // a kind of this part
        this.#owners.set(`${part} ${name}`, plugin.name);
      }
    }
    this.plugins.push(plugin.name);
    return null;
  }

  #problemOf({ name: plugin }: Plugin, part: Part, name: string): string | null {
    const what = `${PARTS[part]} ${quote(name)} of plug-in ${quote(plugin)}`;
    const owner = this.#owners.get(`${part} ${name}`);
    if (owner !== undefined) return `${what} exists already: plug-in ${quote(owner)} has it`;
    if (coreKinds(PARTS[part]).has(name)) return `${what} exists already: fairlead has it`;
    if (RESERVED.test(name)) return `${what} takes a name that belongs to fairlead`;
    return NAME.test(name) ? null : `${what} is no name such as "owner.name"`;
  }
}

function metricProblem(kind: string, metrics: object): string | null {
  const bad = Object.keys(metrics).find((name) => !METRIC_NAME.test(name));
  return bad === undefined ? null : `metric ${quote(bad)} of ${quote(kind)} has other characters than a-z, 0-9 and _`;
}
