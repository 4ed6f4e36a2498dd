// A configuration text to a typed configuration, or to everything that is wrong with it.
import { parseDocument } from "./document.ts";
import { type Environment, expandEnvironment } from "./expand.ts";
import { type TextFormats } from "./formats.ts";
import { type ConfigNode, type Json, entryOf, madeNode, plainValue } from "./node.ts";
import { type Problem, Problems } from "./problems.ts";
import { read } from "./read.ts";
import { type Keys, type ObjectOf, type Schema, object } from "./schema.ts";
import { type Mode, type Partially } from "./spec.ts";
import { Source } from "./source.ts";

export interface LoadOptions {
  /** The name problems show, such as `linkerd.yaml` or `<stdin>`. */
  readonly file: string;
  readonly formats: TextFormats;
  /** What `${NAME}` in values stands for. */
  readonly environment: Environment;
  /** Expands the environment although the file does not ask for it. */
  readonly expandEnv?: boolean;
}

export interface Loaded<T> {
  /** Null when there is an error among the problems. */
  readonly config: T | null;
  readonly mode: Mode;
  /** Errors and warnings, by place. */
  readonly problems: readonly Problem[];
  /** The file as it was written: no defaults, no variables expanded. Null if it could not be parsed. */
  readonly document: Json;
}

/** Reads YAML, or JSON, which is part of it. Never throws for anything a text may contain. */
export async function load<T>(text: string, schema: Schema<T>, options: LoadOptions): Promise<Loaded<T>> {
  // Loaded here and only here: the parser costs 9 MB and 30 ms that a process with a ready configuration need not pay.
  const yaml = await import("yaml");
  const problems = new Problems(new Source(options.file, text));
  const written = parseDocument(yaml, problems);
  if (written === null) return { config: null, mode: "linkerd", problems: problems.sorted(), document: null };
  const mode = modeOf(written);
  const expands = options.expandEnv === true || isTrue(written, "expandEnv");
  const root = expands ? expandEnvironment(written, options.environment, problems) : written;
  const config = read(schema, orEmptyMap(root), { mode, formats: options.formats, problems });
  return { config: complete<T>(config, problems), mode, problems: problems.sorted(), document: plainValue(written) };
}

/** The defaults of a set of keys, by themselves; all keys must have one or be optional. */
export function defaultsOf<const K extends Keys>(keys: K, mode: Mode, formats: TextFormats): ObjectOf<K> {
  const problems = new Problems(new Source("defaults", ""));
  const node = madeNode({}, { start: 0, end: 0 });
  const value = complete<ObjectOf<K>>(
    read(object({ doc: "Defaults." }, keys), node, { mode, formats, problems }),
    problems,
  );
  if (value === null)
    throw new TypeError(`no defaults: ${problems.sorted()[0]?.path}: ${problems.sorted()[0]?.message}`);
  return value;
}

function complete<T>(value: Partially<T> | undefined, problems: Problems): T | null {
  // Without an error nothing is missing, so the partial value is the whole one.
  return problems.hasErrors || value === undefined ? null : (value as T);
}

/** `fairlead: 1` asks for the defaults of today. A wrong value there is a problem of its own. */
function modeOf(root: ConfigNode): Mode {
  const entry = entryOf(root, "fairlead");
  return entry !== null && entry.value.type === "scalar" && entry.value.value !== null ? "fairlead" : "linkerd";
}

function isTrue(root: ConfigNode, key: string): boolean {
  const entry = entryOf(root, key);
  return entry !== null && entry.value.type === "scalar" && entry.value.value === true;
}

/** An empty file misses its keys rather than being of a wrong type. */
function orEmptyMap(root: ConfigNode): ConfigNode {
  return root.type === "scalar" && root.value === null ? madeNode({}, root) : root;
}
