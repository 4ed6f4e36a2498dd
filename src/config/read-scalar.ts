// Single values: text, numbers, truth values, words.
import { checkFormat, formats } from "./formats.ts";
import { type ConfigNode, type ScalarNode } from "./node.ts";
import { type KeyPath, quote } from "./problems.ts";
import { type Reading } from "./reading.ts";
import { sourceOffset } from "./scalar-offset.ts";
import { type BoolSpec, type NumberSpec, type Spec, type TextSpec, type WordSpec } from "./spec.ts";
import { describeNode, expectation, nameAdvice, wrongTypeAdvice } from "./wording.ts";

/** Tells that another type was expected. */
export function wrongType(spec: Spec, node: ConfigNode, at: KeyPath, reading: Reading): undefined {
  reading.problems.error(
    node,
    at,
    `expected ${expectation(spec)}, got ${describeNode(node)}`,
    wrongTypeAdvice(spec, node),
  );
}

export function readText(spec: TextSpec, node: ConfigNode, at: KeyPath, reading: Reading): string | undefined {
  if (node.type !== "scalar" || typeof node.value !== "string") return wrongType(spec, node, at, reading);
  if (node.value.trim() === "" && !spec.allowEmpty) return wrongType(spec, node, at, reading);
  if (spec.format === null) return node.value;
  const wrong = checkFormat(spec.format, node.value, reading.formats);
  if (wrong === null) return node.value;
  const start = sourceOffset(reading.problems.source.text, node, wrong.offset);
  const { called, example } = formats[spec.format];
  reading.problems.error(
    { start, end: start + 1 },
    at,
    `not well-formed as ${called}: ${wrong.message}`,
    `write something like ${example}`,
  );
  return undefined;
}

export function readWord(spec: WordSpec, node: ConfigNode, at: KeyPath, reading: Reading): string | undefined {
  if (node.type !== "scalar" || typeof node.value !== "string") return wrongType(spec, node, at, reading);
  if (spec.words.includes(node.value)) return node.value;
  reading.problems.error(node, at, `unknown word ${quote(node.value)}`, nameAdvice(node.value, spec.words));
  return undefined;
}

export function readNumber(spec: NumberSpec, node: ConfigNode, at: KeyPath, reading: Reading): number | undefined {
  if (spec.auto !== null && node.type === "scalar" && node.value === "auto") return spec.auto;
  const value = node.type === "scalar" ? numberIn(node) : null;
  if (value === null || !(spec.whole ? Number.isSafeInteger(value) : Number.isFinite(value)))
    return wrongType(spec, node, at, reading);
  if (value < spec.min || value > spec.max) return wrongType(spec, node, at, reading);
  return value;
}

function numberIn(node: ScalarNode): number | null {
  if (typeof node.value === "number") return node.value;
  const isNumeral = node.expanded && typeof node.value === "string" && /^\s*[-+]?\d+(\.\d+)?\s*$/.test(node.value);
  return isNumeral ? Number(node.value) : null;
}

export function readBool(spec: BoolSpec, node: ConfigNode, at: KeyPath, reading: Reading): boolean | undefined {
  if (node.type !== "scalar") return wrongType(spec, node, at, reading);
  if (typeof node.value === "boolean") return node.value;
  if (node.expanded && node.value === "true") return true;
  if (node.expanded && node.value === "false") return false;
  return wrongType(spec, node, at, reading);
}
