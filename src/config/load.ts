// A configuration text to a typed configuration, or to everything that is wrong with it.
import { parseDocument } from "./document.ts";
import { type Environment, expandEnvironment } from "./expand.ts";
import { type TextFormats } from "./formats.ts";
import { type ConfigNode, type Json, entryOf, madeNode, plainValue } from "./node.ts";
import { type Problem, Problems } from "./problems.ts";
import { read } from "./read.ts";
import { type Reading } from "./reading.ts";
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
  /** The schema to read the file by, where the file itself has a say in that; null for the one given. */
  readonly schemaOf?: (root: ConfigNode, problems: Problems) => Promise<Schema<unknown> | null>;
}

/** What may stand in a file for something longer. Both give back the very same node where there is nothing to do. */
export interface Shorthand<T> {
  /** The file with what it need not say beside a shorthand; problems are told about this one. */
  completed(root: ConfigNode): ConfigNode;
  /** The file in full, once it is known to be good. */
  inFull(root: ConfigNode, config: T): ConfigNode;
}

export interface Loaded<T> {
  /** Null when there is an error among the problems. */
  readonly config: T | null;
  readonly mode: Mode;
  /** Errors and warnings, by place. */
  readonly problems: readonly Problem[];
  /** What was read in the end: variables expanded, shorthands written out, no defaults. Null if it could not be parsed. */
  readonly tree: ConfigNode | null;
  readonly source: Source;
  /** The file as it was written: no defaults, no variables expanded. Null if it could not be parsed. */
  readonly document: Json;
}

/** Reads YAML, or JSON, which is part of it. Never throws for anything a text may contain. */
export async function load<T>(
  text: string,
  schema: Schema<T>,
  options: LoadOptions,
  shorthand: Shorthand<T> = nothingShort,
): Promise<Loaded<T>> {
  // Loaded here and only here: the parser costs 9 MB and 30 ms that a process with a ready configuration need not pay.
  const yaml = await import("yaml");
  const source = new Source(options.file, text);
  const problems = new Problems(source);
  const written = parseDocument(yaml, problems);
  if (written === null)
    return { config: null, mode: "linkerd", problems: problems.sorted(), tree: null, source, document: null };
  const mode = modeOf(written);
  const expands = options.expandEnv === true || isTrue(written, "expandEnv");
  const root = expands ? expandEnvironment(written, options.environment, problems) : written;
  const reading = { mode, formats: options.formats, problems };
  // What the file chooses has all that the schema given has, and more.
  const chosen = ((await options.schemaOf?.(root, problems)) as Schema<T> | null | undefined) ?? schema;
  const short = shorthand.completed(orEmptyMap(root));
  const checked = complete<T>(read(chosen, short, reading), problems);
  const tree = checked === null ? short : shorthand.inFull(short, checked);
  const config = tree === short ? checked : readAgain(chosen, tree, reading);
  return { config, mode, problems: problems.sorted(), tree, source, document: plainValue(written) };
}

const nothingShort: Shorthand<unknown> = { completed: (root) => root, inFull: (root) => root };

/** Reads what was written out from a file that is good: what there was to tell has been told. */
function readAgain<T>(schema: Schema<T>, tree: ConfigNode, reading: Reading): T {
  const problems = new Problems(reading.problems.source);
  const config = complete<T>(read(schema, tree, { ...reading, problems }), problems);
  const [first] = problems.sorted();
  if (config === null) throw new Error(`written out badly: ${first?.path}: ${first?.message}`); // a bug of ours
  return config;
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
