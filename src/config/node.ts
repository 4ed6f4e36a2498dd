// A parsed configuration text: plain values that know where they were written. YAML and JSON both become this.
import { type Span } from "./source.ts";

/** What JSON can say. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** How a scalar was written; decides how an offset in its value maps to the file. */
export type ScalarStyle = "plain" | "single" | "double" | "block" | "made";

interface Counted extends Span {
  /** How many values this one holds, itself included and every use of an alias counted. */
  readonly size: number;
  /** Of what was made: where it comes from, for people. */
  readonly note?: string;
}

export interface ScalarNode extends Counted {
  readonly type: "scalar";
  readonly value: string | number | boolean | null;
  /** As written, without quotes. */
  readonly text: string;
  readonly style: ScalarStyle;
  /** Came out of environment expansion: its key decides whether it is a text, a number or a truth value. */
  readonly expanded: boolean;
}

export interface MapEntry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: ConfigNode;
}

export interface MapNode extends Counted {
  readonly type: "map";
  readonly entries: readonly MapEntry[];
}

export interface ListNode extends Counted {
  readonly type: "list";
  readonly items: readonly ConfigNode[];
}

export type ConfigNode = ScalarNode | MapNode | ListNode;

/** The value of a key, or null when the node is no map or does not have it. */
export function entryOf(node: ConfigNode, key: string): MapEntry | null {
  if (node.type !== "map") return null;
  return node.entries.find((entry) => entry.key === key) ?? null;
}

/** The value without its places. */
export function plainValue(node: ConfigNode): Json {
  if (node.type === "scalar") return node.value;
  if (node.type === "list") return node.items.map(plainValue);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plainValue(entry.value)]));
}

/** A map with another value for one of its keys, the last if it is new; null takes the key away. */
export function withEntry(map: MapNode, key: string, value: ConfigNode | null): MapNode {
  const old = entryOf(map, key);
  const kept = map.entries.filter((entry) => entry !== old);
  if (value === null) return mapNode(kept, map);
  const changed = { key, keySpan: old?.keySpan ?? value, value };
  return mapNode(
    old === null ? [...kept, changed] : map.entries.map((entry) => (entry === old ? changed : entry)),
    map,
  );
}

function mapNode(entries: readonly MapEntry[], { start, end }: Span): MapNode {
  return { type: "map", entries, start, end, size: 1 + totalSize(entries.map((entry) => entry.value)) };
}

/** A list of nodes. */
export function listNode(items: readonly ConfigNode[], { start, end }: Span): ListNode {
  return { type: "list", items, start, end, size: 1 + totalSize(items) };
}

/** A node that stands nowhere in the file itself, such as a default; its problems point at `span`. */
export function madeNode(value: Json, span: Span): ConfigNode {
  const { start, end } = span;
  if (Array.isArray(value)) {
    const items = value.map((item: Json) => madeNode(item, span));
    return { type: "list", items, start, end, size: 1 + totalSize(items) };
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, inner]) => ({ key, keySpan: span, value: madeNode(inner, span) }));
    return { type: "map", entries, start, end, size: 1 + totalSize(entries.map((entry) => entry.value)) };
  }
  return { type: "scalar", value, text: String(value), style: "made", expanded: false, start, end, size: 1 };
}

export function totalSize(nodes: readonly ConfigNode[]): number {
  return nodes.reduce((sum, node) => sum + node.size, 0);
}
