// Checks nodes against a schema: every problem in one go, defaults filled in, a typed value out.
import { experimentalSpec } from "./kinds.ts";
import { type ConfigNode, type MapEntry, type MapNode, entryOf, madeNode } from "./node.ts";
import { type KeyPath, quote } from "./problems.ts";
import { readBool, readNumber, readText, readWord, wrongType } from "./read-scalar.ts";
import { type Reading } from "./reading.ts";
import { type Schema } from "./schema.ts";
import { type KindSpec, type ListSpec, type MapSpec, type ObjectSpec, type Partially, type Spec } from "./spec.ts";
import { type Span } from "./source.ts";
import { nearest } from "./suggest.ts";
import { effectiveKinds, kindAdvice, unknownKeyAdvice } from "./wording.ts";

/** Reads a node. What had a problem is missing in the value: use it only if `reading.problems` has no errors. */
export function read<T>(schema: Schema<T>, node: ConfigNode, reading: Reading): Partially<T> | undefined {
  // The constructors in schema.ts pair each spec with the type that this function makes of it.
  return readSpec(schema.spec, node, [], reading) as Partially<T> | undefined;
}

function readSpec(spec: Spec, node: ConfigNode, at: KeyPath, reading: Reading): unknown {
  const value = readType(spec, node, at, reading);
  if (value !== undefined) applyRules(spec, value, node, at, reading);
  return value;
}

function readType(spec: Spec, node: ConfigNode, at: KeyPath, reading: Reading): unknown {
  switch (spec.type) {
    case "text":
      return readText(spec, node, at, reading);
    case "word":
      return readWord(spec, node, at, reading);
    case "number":
      return readNumber(spec, node, at, reading);
    case "bool":
      return readBool(spec, node, at, reading);
    case "list":
      return readList(spec, node, at, reading);
    case "map":
      return node.type === "map" ? readMap(spec, node, at, reading) : wrongType(spec, node, at, reading);
    case "object":
      if (node.type === "map") return readKeys(spec, node, node.entries, [], at, reading);
      return spec.short === null ? wrongType(spec, node, at, reading) : readShort(spec, spec.short, node, at, reading);
    case "kind":
      return node.type === "map" ? readKind(spec, node, at, reading) : wrongType(spec, node, at, reading);
    case "refused":
      return undefined;
  }
}

function applyRules(spec: Spec, value: unknown, node: ConfigNode, at: KeyPath, reading: Reading): void {
  const { refuse, warn } = spec;
  if (refuse !== null && refuse.when(value)) reading.problems.error(node, at, refuse.because, refuse.instead);
  if (warn !== null && warn.when(value)) reading.problems.warning(node, at, warn.because, warn.instead);
}

function readList(spec: ListSpec, node: ConfigNode, at: KeyPath, reading: Reading): unknown {
  if (node.type === "list") {
    if (node.items.length < spec.minLength) {
      reading.problems.error(node, at, "an empty list", `give at least ${spec.minLength}`);
      return undefined;
    }
    return node.items.map((item, index) => readSpec(spec.of, item, [...at, index], reading));
  }
  return spec.single ? [readSpec(spec.of, node, at, reading)] : wrongType(spec, node, at, reading);
}

function readMap(spec: MapSpec, node: MapNode, at: KeyPath, reading: Reading): unknown {
  if (node.entries.length === 0) {
    reading.problems.error(node, at, "an empty map", `write at least one entry, such as ${quote(spec.example)}`);
    return undefined;
  }
  const read = node.entries.map((entry): [string, unknown] => {
    const path = [...at, entry.key];
    const wrong = spec.name.wrong(entry.key);
    if (wrong !== null) reading.problems.error(entry.keySpan, path, `${quote(entry.key)} ${wrong}`, spec.name.instead);
    return [entry.key, readSpec(spec.of, entry.value, path, reading)];
  });
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)); // a name is never looked up as a property
}

/** An object that is written as the value of one of its keys; problems leave that key out, as the file does. */
function readShort(spec: ObjectSpec, key: string, node: ConfigNode, at: KeyPath, reading: Reading): unknown {
  const inner = spec.keys[key];
  const value: Record<string, unknown> = {};
  if (inner !== undefined) set(value, key, readSpec(inner, node, at, reading));
  fillIn(spec, { ...node, type: "map", entries: [] }, new Set([key]), value, at, reading);
  for (const check of spec.checks) {
    // As in `runChecks`.
    check(
      value as never,
      ([, ...below], message, advice) =>
        reading.problems.error(locate(node, below), [...at, ...below], message, advice),
      ([written]) => written === key,
    );
  }
  return value;
}

/** @param alsoKnown keys of the map that were looked at already, for better advice */
function readKeys(
  spec: ObjectSpec,
  node: MapNode,
  entries: readonly MapEntry[],
  alsoKnown: readonly string[],
  at: KeyPath,
  reading: Reading,
): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const given = new Set<string>();
  for (const entry of entries) {
    const known = Object.hasOwn(spec.keys, entry.key) ? spec.keys[entry.key] : undefined;
    if (known === undefined) reportUnknown(spec, entry, alsoKnown, at, reading);
    // A key without a value counts as not given, as in the original.
    else if (entry.value.type === "scalar" && entry.value.value === null) continue;
    else set(value, entry.key, readEntry(known, entry, [...at, entry.key], reading));
    given.add(entry.key);
  }
  fillIn(spec, node, given, value, at, reading);
  runChecks(spec, node, value, at, reading);
  return value;
}

function set(value: Record<string, unknown>, key: string, read: unknown): void {
  if (read !== undefined) value[key] = read;
}

function reportUnknown(
  spec: ObjectSpec,
  entry: MapEntry,
  alsoKnown: readonly string[],
  at: KeyPath,
  reading: Reading,
): void {
  const advice = reading.problems.isFull ? "" : unknownKeyAdvice(entry.key, spec, alsoKnown);
  reading.problems.error(entry.keySpan, [...at, entry.key], `unknown key ${quote(entry.key)}`, advice);
}

function readEntry(spec: Spec, entry: MapEntry, at: KeyPath, reading: Reading): unknown {
  if (spec.class.at === "refused") {
    reading.problems.error(entry.keySpan, at, spec.class.reason, spec.class.instead);
    return undefined;
  }
  if (spec.class.at === "accepted")
    reading.problems.warning(entry.keySpan, at, spec.class.warning, "remove it to silence this warning");
  return readSpec(spec, entry.value, at, reading);
}

function fillIn(
  spec: ObjectSpec,
  node: MapNode,
  given: ReadonlySet<string>,
  value: Record<string, unknown>,
  at: KeyPath,
  reading: Reading,
): void {
  for (const [key, known] of Object.entries(spec.keys)) {
    if (given.has(key)) continue;
    const initial = known.defaults[reading.mode];
    if (known.required) reportMissing(key, known, node, at, reading);
    else if (initial !== undefined && known.fills)
      set(value, key, readSpec(known, madeNode(initial, startOf(node)), [...at, key], reading));
  }
}

function reportMissing(key: string, spec: Spec, node: MapNode, at: KeyPath, reading: Reading): void {
  const empty = entryOf(node, key);
  const where = empty === null ? startOf(node) : empty.keySpan;
  reading.problems.error(
    where,
    [...at, key],
    `${quote(key)} is ${empty === null ? "missing" : "empty"}`,
    `add ${key}: ${shortDoc(spec)}${spec.unless === null || reading.mode === "linkerd" ? "" : `, or add ${spec.unless}:`}`,
  );
}

function shortDoc(spec: Spec): string {
  const sentence = spec.doc.split(/\.(?:\s|$)/)[0] ?? "";
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** Where to point for something that is not there: the first key, or the brace of an empty map. */
function startOf(node: MapNode): Span {
  return node.entries[0]?.keySpan ?? { start: node.start, end: node.start + 1 };
}

function runChecks(
  spec: ObjectSpec,
  node: MapNode,
  value: Record<string, unknown>,
  at: KeyPath,
  reading: Reading,
): void {
  for (const check of spec.checks) {
    // `object` in schema.ts only takes checks written for the value of the very keys just read.
    check(
      value as never,
      (below, message, advice) => reading.problems.error(locate(node, below), [...at, ...below], message, advice),
      (below) => isWritten(node, below),
    );
  }
}

function isWritten(node: ConfigNode, path: KeyPath): boolean {
  const [step, ...rest] = path;
  if (step === undefined) return node.type !== "scalar" || node.value !== null;
  const next =
    typeof step === "number" ? (node.type === "list" ? node.items[step] : undefined) : entryOf(node, step)?.value;
  return next !== undefined && isWritten(next, rest);
}

/** The node at a path below, or the innermost one above it that is written in the file. */
function locate(node: ConfigNode, path: KeyPath): Span {
  let found = node;
  for (const step of path) {
    const next =
      typeof step === "number" ? (found.type === "list" ? found.items[step] : undefined) : entryOf(found, step)?.value;
    if (next === undefined) break;
    found = next;
  }
  return found.type === "map" ? startOf(found) : found;
}

function readKind(spec: KindSpec, node: MapNode, at: KeyPath, reading: Reading): unknown {
  const tagEntry = entryOf(node, spec.tag);
  const place = tagEntry?.value ?? startOf(node);
  const path = [...at, spec.tag];
  const name = kindName(spec, tagEntry, node, path, reading);
  if (name === null) return undefined;
  const chosen = Object.hasOwn(spec.kinds, name) ? spec.kinds[name] : undefined;
  if (chosen === undefined) {
    reading.problems.error(place, path, `unknown ${spec.tag} ${quote(name)}`, kindAdvice(name, spec));
    return undefined;
  }
  if (chosen.type === "refused") {
    if (chosen.class.at === "refused")
      reading.problems.error(place, path, `${quote(name)} ${chosen.class.reason}`, chosen.class.instead);
    return undefined;
  }
  if (chosen.class.at === "accepted")
    reading.problems.warning(
      place,
      path,
      `${quote(name)}: ${chosen.class.warning}`,
      "choose another to silence this warning",
    );
  checkExperimental(chosen, name, node, at, place, reading);
  const rest = node.entries.filter((entry) => entry.key !== spec.tag && entry.key !== "experimental");
  return { [spec.tag]: name, ...readKeys(chosen, node, rest, [spec.tag], at, reading) };
}

function kindName(
  spec: KindSpec,
  entry: MapEntry | null,
  node: MapNode,
  path: KeyPath,
  reading: Reading,
): string | null {
  if (entry === null || (entry.value.type === "scalar" && entry.value.value === null)) {
    if (spec.omitted !== null) return spec.omitted;
    reportNoKind(spec, node, path, reading);
    return null;
  }
  if (entry.value.type === "scalar" && typeof entry.value.value === "string") return entry.value.value;
  reading.problems.error(entry.value, path, "expected a word", `write one of ${effectiveKinds(spec.kinds).join(", ")}`);
  return null;
}

function reportNoKind(spec: KindSpec, node: MapNode, path: KeyPath, reading: Reading): void {
  const misspelt = node.entries.find((entry) => entry.key !== spec.tag && nearest(entry.key, [spec.tag]) !== null);
  const where = misspelt === undefined ? startOf(node) : misspelt.keySpan;
  const what = misspelt === undefined ? "is missing" : `is missing, but there is ${quote(misspelt.key)}`;
  reading.problems.error(
    where,
    path,
    `${quote(spec.tag)} ${what}`,
    `write ${spec.tag}: with one of ${effectiveKinds(spec.kinds).join(", ")}`,
  );
}

/** What is experimental must be asked for; what is not may be, without effect. */
function checkExperimental(
  kind: ObjectSpec,
  name: string,
  node: MapNode,
  at: KeyPath,
  place: Span,
  reading: Reading,
): void {
  const entry = entryOf(node, "experimental");
  const path = [...at, "experimental"];
  const asked = entry !== null && readBool(experimentalSpec, entry.value, path, reading) === true;
  if (kind.experimental && !asked)
    reading.problems.error(place, path, `${quote(name)} is experimental`, "write experimental: true beside it");
  if (!kind.experimental && asked)
    reading.problems.warning(
      entry.keySpan,
      path,
      `has no effect: ${quote(name)} is not experimental`,
      "remove it to silence this warning",
    );
}
