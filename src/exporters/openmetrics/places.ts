// Walks over the scopes along a pattern; what stands in the place of a variable becomes a label.
import type { MetricsTree } from "../../telemetry/tree.ts";
import { labelOf } from "./families.ts";

/** A scope, and what its pattern said of it. */
export interface Place {
  readonly scope: MetricsTree;
  /** `key="value",…`, as both formats want it. */
  readonly labels: string;
}

/** Every place below one that a path leads to. A variable that ends in `…` leads to all depths below. */
export function* placesBelow(
  place: Place,
  path: readonly string[],
  at = literalsOf(path),
): Generator<Place, void, undefined> {
  const start = descend(place.scope, path, at);
  if (start === undefined) return;
  const word = path[at];
  if (word === undefined) yield { scope: start, labels: place.labels };
  else if (word.endsWith("…>")) yield* allBelow(start, place.labels, labelOf(word), "");
  else {
    const rest = path.slice(at + 1);
    for (const scope of start.children) {
      yield* placesBelow({ scope, labels: withLabel(place.labels, labelOf(word), scope.segment) }, rest);
    }
  }
}

/** How many words at the beginning of a path are no variables. */
function literalsOf(path: readonly string[]): number {
  const variable = path.findIndex((word) => word.startsWith("<"));
  return variable < 0 ? path.length : variable;
}

function descend(from: MetricsTree, path: readonly string[], words: number): MetricsTree | undefined {
  let scope: MetricsTree | undefined = from;
  for (let i = 0; i < words && scope !== undefined; i++) scope = scope.existing(path[i] ?? "");
  return scope;
}

function* allBelow(scope: MetricsTree, labels: string, key: string, above: string): Generator<Place, void, undefined> {
  for (const child of scope.children) {
    const value = `${above}${child.segment}`;
    yield { scope: child, labels: withLabel(labels, key, value) };
    yield* allBelow(child, labels, key, `${value}/`);
  }
}

function withLabel(labels: string, key: string, value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
  return `${labels}${labels === "" ? "" : ","}${key}="${escaped}"`;
}
