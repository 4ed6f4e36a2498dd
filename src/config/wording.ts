// How problems speak: what was expected, what was found, what to write instead.
import { invariant } from "../base/invariant.ts";
import { type Format, formats } from "./formats.ts";
import { type ConfigNode } from "./node.ts";
import { quote } from "./problems.ts";
import { type KindSpec, type NumberSpec, type ObjectSpec, type Spec, type Unit } from "./spec.ts";
import { nearest } from "./suggest.ts";

/** What a key takes, as in "expected …". */
export function expectation(spec: Spec): string {
  switch (spec.type) {
    case "text":
      return spec.format === null ? "text" : formats[spec.format].called;
    case "word":
      return `one of ${spec.words.join(", ")}`;
    case "number":
      return `${numberExpectation(spec)}${spec.auto === null ? "" : " or auto"}`;
    case "bool":
      return "true or false";
    case "list":
      return spec.single ? `${expectation(spec.of)}, or a list of such` : "a list";
    case "map":
      return "a map of names and values";
    case "object":
      return spec.short === null ? "a map of keys and values" : expectation(keyOf(spec, spec.short));
    case "kind":
      return `a map with a ${spec.tag}`;
    case "refused":
      return "nothing";
  }
}

/** The spec of a key that is there. */
export function keyOf({ keys }: ObjectSpec, key: string): Spec {
  const spec = keys[key];
  invariant(spec !== undefined, "the short form of an object is one of its keys");
  return spec;
}

export const unitNames: Readonly<Record<Unit, string>> = {
  ms: "milliseconds",
  s: "seconds",
  KB: "kilobytes",
  bytes: "bytes",
  requests: "requests",
  connections: "connections",
  streams: "streams",
};

function numberExpectation(spec: NumberSpec): string {
  const what = `a ${spec.whole ? "whole " : ""}number${spec.unit === null ? "" : ` of ${unitNames[spec.unit]}`}`;
  return spec.max === Number.MAX_SAFE_INTEGER
    ? `${what}, at least ${spec.min}`
    : `${what} from ${spec.min} to ${spec.max}`;
}

/** What was found, as in "got …". */
export function describeNode(node: ConfigNode): string {
  if (node.type === "list") return "a list";
  if (node.type === "map") return "a map";
  if (node.value === null) return "nothing";
  if (typeof node.value === "string") return node.value === "" ? "an empty text" : `the text ${quote(node.value)}`;
  return typeof node.value === "number" ? `the number ${node.text.slice(0, 30)}` : `${node.value}`;
}

/** What to write where a value of another type was found. */
export function wrongTypeAdvice(spec: Spec, node: ConfigNode): string {
  switch (spec.type) {
    case "text":
      return textAdvice(spec.format === null ? null : formats[spec.format], node);
    case "word":
      return `write ${spec.words[0]}`;
    case "number":
      return numberAdvice(spec, node);
    case "bool":
      return boolAdvice(node);
    case "list":
      return spec.single ? wrongTypeAdvice(spec.of, node) : 'begin each item on a line of its own with "- "';
    case "map":
      return `write its entries indented below, such as ${quote(spec.example)}`;
    case "object":
      return `write its keys indented below, such as ${quote(`${exampleKey(spec)}: …`)}`;
    case "kind":
      return `write ${spec.tag}: with one of ${effectiveKinds(spec.kinds).join(", ")} below it`;
    case "refused":
      return "remove it";
  }
}

/** What to write where no known name was found. */
export function nameAdvice(name: string, known: readonly string[]): string {
  const near = known.find((candidate) => candidate.endsWith(`.${name}`)) ?? nearest(name, known);
  if (near !== null) return `did you mean ${quote(near)}?`;
  return known.length === 0 ? "remove it" : `write one of ${known.slice(0, 30).join(", ")}`;
}

/** The same for kinds, of which plug-ins may bring more. */
export function kindAdvice(name: string, { kinds, open }: KindSpec): string {
  const known = Object.keys(kinds);
  const own = known.length === 0 ? null : nameAdvice(name, known);
  if (open === null || own?.startsWith("did you mean") === true) return own ?? "remove it";
  return `${own === null ? "" : `${own}, or `}add the plug-in that brings it to plugins`;
}

/** Like `nameAdvice`, but also knows that a key may belong one level further down. */
export function unknownKeyAdvice(key: string, spec: ObjectSpec, alsoKnown: readonly string[]): string {
  if (key === "<<") return "write the keys out: merge keys are not part of YAML 1.2";
  const known = [...Object.keys(spec.keys).filter((name) => spec.keys[name]?.class.at !== "refused"), ...alsoKnown];
  const near = nearest(key, known);
  if (near !== null) return `did you mean ${quote(near)}?`;
  const home = Object.entries(spec.keys).find(([, inner]) => keysOf(inner).includes(key));
  if (home !== undefined) return `it belongs under ${quote(home[0])}`;
  return nameAdvice(key, known);
}

/** The keys a value of this schema may have directly. */
function keysOf(spec: Spec): readonly string[] {
  if (spec.type === "list") return keysOf(spec.of);
  if (spec.type === "object") return Object.keys(spec.keys);
  if (spec.type !== "kind") return [];
  return Object.values(spec.kinds).flatMap(keysOf);
}

/** The kinds a file may use. */
export function effectiveKinds(kinds: Readonly<Record<string, Spec>>): string[] {
  return Object.keys(kinds).filter((name) => kinds[name]?.type !== "refused");
}

function exampleKey(spec: ObjectSpec): string {
  return Object.keys(spec.keys)[0] ?? "key";
}

function textAdvice(format: Format | null, node: ConfigNode): string {
  if (format?.ofNumber !== undefined && node.type === "scalar" && typeof node.value === "number")
    return `write ${format.ofNumber(node.text)}`;
  if (node.type === "scalar" && node.value !== null && node.text !== "") return `put it in quotes: ${quote(node.text)}`;
  return format === null ? "write a text" : `write something like ${format.example}`;
}

function numberAdvice(spec: NumberSpec, node: ConfigNode): string {
  const intended = node.type === "scalar" ? intendedNumber(spec, String(node.value)) : null;
  if (intended === null) return `write a number such as ${spec.example}`;
  return node.type === "scalar" && node.text === String(intended)
    ? `write ${intended} without quotes`
    : `write ${intended}`;
}

const unitsInMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `"4140"`, `1_000` and `10s` leave no doubt. */
function intendedNumber(spec: NumberSpec, text: string): number | null {
  const match = /^\s*(\d[\d_]*)\s*(ms|s|m|h)?\s*$/.exec(text);
  if (match === null) return null;
  const unit = match[2];
  if (unit !== undefined && spec.unit !== "ms" && spec.unit !== "s") return null;
  const plain = Number((match[1] ?? "").replaceAll("_", ""));
  const inMs = plain * (unitsInMs[unit ?? ""] ?? 1);
  const value = unit !== undefined && spec.unit === "s" ? inMs / 1000 : inMs;
  return Number.isSafeInteger(value) && value >= spec.min && value <= spec.max ? value : null;
}

function boolAdvice(node: ConfigNode): string {
  const text = node.type === "scalar" ? String(node.value).toLowerCase() : "";
  if (["yes", "on", "y", "1", "true"].includes(text)) return "write true";
  if (["no", "off", "n", "0", "false"].includes(text)) return "write false";
  return "write true or false";
}
