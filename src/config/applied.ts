// Which differences from Linkerd 1.x a given file meets, and where in it.
import { type ConfigNode, type Json, type MapNode, entryOf } from "./node.ts";
import { type KeyPath } from "./problems.ts";
import { defaultIn } from "./reference.ts";
import { type Difference, type KindSpec, type ObjectSpec, type Spec } from "./spec.ts";
import { type Span } from "./source.ts";

/** A difference that a file meets. */
export interface MetDifference {
  readonly at: KeyPath;
  /** The key; where it is left out, what it would stand in. */
  readonly span: Span;
  readonly difference: Difference;
  /** The value that holds where the key is left out; null where it is written. */
  readonly instead: string | null;
}

/** A default that holds for a file, and would be another with `fairlead: 1`. */
export interface OtherDefault {
  readonly at: KeyPath;
  readonly span: Span;
  readonly original: string;
  readonly modern: string;
}

export interface Met {
  readonly differences: readonly MetDifference[];
  readonly defaults: readonly OtherDefault[];
}

/** Everything a file meets, in the order of the schema. */
export function metBy(root: Spec, tree: ConfigNode): Met {
  const walk = new Walk();
  walk.into(root, tree, [], tree);
  return walk;
}

class Walk implements Met {
  readonly differences: MetDifference[] = [];
  readonly defaults: OtherDefault[] = [];

  /** @param node null where only defaults stand; `place` is then what they would stand in. */
  into(spec: Spec, node: ConfigNode | null, at: KeyPath, place: Span): void {
    if (spec.class.at !== "effective") return;
    if (spec.type === "list") this.#items(spec.of, node, at, place);
    else if (spec.type === "object") this.#keys(spec, mapOrNull(node), at, place);
    else if (spec.type === "kind") this.#kind(spec, mapOrNull(node), at, place);
  }

  #items(of: Spec, node: ConfigNode | null, at: KeyPath, place: Span): void {
    if (node?.type !== "list") this.into(of, node, at, place);
    else for (const [index, item] of node.items.entries()) this.into(of, item, [...at, index], startOf(item));
  }

  #keys(spec: ObjectSpec, node: MapNode | null, at: KeyPath, place: Span): void {
    for (const [name, key] of Object.entries(spec.keys)) {
      const entry = node === null ? null : written(node, name);
      if (entry !== null) this.#writtenKey(key, entry.value, [...at, name], entry.keySpan);
      else if (spec.repeats?.keys.includes(name) !== true) this.#leftOut(key, [...at, name], place);
    }
  }

  #writtenKey(key: Spec, value: ConfigNode, at: KeyPath, span: Span): void {
    this.#difference(key, at, span, "written");
    this.into(key, value, at, span);
  }

  #leftOut(key: Spec, at: KeyPath, place: Span): void {
    this.#difference(key, at, place, "left out");
    if (key.class.at !== "effective") return;
    const [original, modern] = [defaultIn(key, "linkerd"), defaultIn(key, "fairlead")];
    if (original !== modern) this.defaults.push({ at, span: place, original, modern });
    if (key.defaults.linkerd !== undefined && key.type !== "list") this.into(key, null, at, place);
  }

  #kind(spec: KindSpec, node: MapNode | null, at: KeyPath, place: Span): void {
    const name = kindOf(spec, node);
    const kind = name !== null && Object.hasOwn(spec.kinds, name) ? spec.kinds[name] : undefined;
    if (kind?.type !== "object" || kind.class.at !== "effective") return;
    this.#difference(kind, at, place, "written");
    this.#keys(kind, node, at, place);
    if (node !== null) this.#neverWritten(spec, kind, node, at, place);
  }

  /** Of policies by prefix: what none of them says is as it is by default. */
  #neverWritten(spec: KindSpec, kind: ObjectSpec, node: MapNode, at: KeyPath, place: Span): void {
    for (const [name, list] of Object.entries(kind.keys)) {
      if (list.type !== "list" || list.of.type !== "object" || list.of.repeats === null) continue;
      const whole = spec.kinds[list.of.repeats.of];
      const entries = entryOf(node, name)?.value;
      if (whole?.type !== "object" || entries?.type !== "list") continue;
      const left = Object.entries(whole.keys).filter(
        ([key]) => !entries.items.some((entry) => written(entry, key) !== null),
      );
      for (const [key, inner] of left) this.#leftOut(inner, [...at, key], place);
    }
  }

  #difference(spec: Spec, at: KeyPath, span: Span, where: "written" | "left out"): void {
    const { class: held, differs } = spec;
    if (differs === null || (differs.where !== where && differs.where !== "everywhere")) return;
    if (held.at === "refused" || (held.at === "accepted" && where === "written")) return; // told as a problem
    const instead = where === "written" ? null : defaultIn(spec, "linkerd");
    this.differences.push({ at, span, difference: differs, instead });
  }
}

function kindOf({ defaults, omitted, tag }: KindSpec, node: MapNode | null): string | null {
  if (node === null) {
    const chosen = defaults.linkerd;
    const keys = typeof chosen === "object" && chosen !== null ? Object.entries<Json>(chosen) : [];
    const name = keys.find(([key]) => key === tag)?.[1];
    return typeof name === "string" ? name : omitted;
  }
  const value = written(node, tag)?.value;
  return value?.type === "scalar" && typeof value.value === "string" ? value.value : omitted;
}

/** The entry of a key that has a value. */
function written(node: ConfigNode, key: string) {
  const entry = entryOf(node, key);
  return entry === null || (entry.value.type === "scalar" && entry.value.value === null) ? null : entry;
}

function mapOrNull(node: ConfigNode | null): MapNode | null {
  return node?.type === "map" ? node : null;
}

function startOf(node: ConfigNode): Span {
  return node.type === "map" ? (node.entries[0]?.keySpan ?? node) : node;
}
