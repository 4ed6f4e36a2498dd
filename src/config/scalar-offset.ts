// From an offset in a scalar's value to the offset in the file: indentation, folding, quotes and escapes in between.
import { type ScalarNode } from "./node.ts";

/**
 * Where in the file the character at `valueOffset` of a text scalar was written. The two texts differ only in white space, quotes
 * and escapes, so the n-th visible character of the value is the n-th visible character of the source.
 * A value that was made (a default, an expanded variable) has no inner places: its beginning is returned.
 */
export function sourceOffset(text: string, node: ScalarNode, valueOffset: number): number {
  if (node.style === "made" || node.expanded || typeof node.value !== "string") return node.start;
  const value = node.value;
  let visibleBefore = 0;
  for (let index = 0; index < valueOffset; index++) if (isVisible(value, index)) visibleBefore++;
  const wantsVisible = valueOffset < value.length && isVisible(value, valueOffset);
  let afterLast = contentStart(text, node);
  for (const unit of unitsOf(text, node)) {
    if (!unit.visible) continue;
    if (visibleBefore === 0)
      return wantsVisible ? unit.start : Math.min(afterLast + blanksBefore(value, valueOffset), unit.start);
    visibleBefore--;
    afterLast = unit.end;
  }
  return afterLast;
}

interface Unit {
  readonly start: number;
  readonly end: number;
  readonly visible: boolean;
}

function isVisible(text: string, index: number): boolean {
  return isVisibleCode(text.charCodeAt(index));
}

/** The second half of a surrogate pair does not count, so that a character counts once however it was written. */
function isVisibleCode(code: number): boolean {
  return code > 0x20 && (code < 0xdc00 || code > 0xdfff);
}

/** Spaces directly before `offset` in the value, which the source has too unless a line was folded there. */
function blanksBefore(value: string, offset: number): number {
  let count = 0;
  while (count < offset && value[offset - count - 1] === " ") count++;
  return count;
}

function contentStart(text: string, node: ScalarNode): number {
  if (node.style === "block") return text.indexOf("\n", node.start) + 1;
  return node.style === "plain" ? node.start : node.start + 1;
}

function contentEnd(node: ScalarNode): number {
  return node.style === "single" || node.style === "double" ? node.end - 1 : node.end;
}

function* unitsOf(text: string, node: ScalarNode): Generator<Unit> {
  const end = contentEnd(node);
  let at = contentStart(text, node);
  while (at < end) {
    const length = unitLength(text, at, node.style);
    yield { start: at, end: at + length, visible: isUnitVisible(text, at, length) };
    at += length;
  }
}

const escapeLengths: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

function unitLength(text: string, at: number, style: ScalarNode["style"]): number {
  if (style === "single" && text.startsWith("''", at)) return 2;
  if (style === "double" && text[at] === "\\") return escapeLengths[text[at + 1] ?? ""] ?? 2;
  return 1;
}

/** YAML 1.2.2 §5.7: the two-character escapes that stand for white space, control characters or nothing at all. */
const invisibleEscapes = new Set(["0", "a", "b", "t", "\t", "n", "v", "f", "r", "e", " ", "\n", "\r"]);

function isUnitVisible(text: string, at: number, length: number): boolean {
  if (length === 1 || text[at] !== "\\") return isVisible(text, at);
  if (length === 2) return !invisibleEscapes.has(text[at + 1] ?? "");
  return isVisibleCode(Number.parseInt(text.slice(at + 2, at + length), 16));
}
