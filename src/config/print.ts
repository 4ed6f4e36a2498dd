// A tree that was read, as YAML again: what was made says where it comes from, in comments.
import type * as Yaml from "yaml";
import { type ConfigNode, type Json, entryOf, type ScalarNode } from "./node.ts";
import { experimentalSpec } from "./kinds.ts";
import { type Spec } from "./spec.ts";

/** @param heading a comment that comes first. */
export async function yamlText(spec: Spec, tree: ConfigNode, heading: string): Promise<string> {
  const yaml = await import("yaml");
  const document = new yaml.Document();
  document.commentBefore = comment(heading);
  document.contents = new Printing(yaml, document).node(spec, tree);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** The plain value. What came out of a variable is a number or a truth value where its key wants one. */
export function jsonValue(spec: Spec | null, node: ConfigNode): Json {
  if (node.type === "scalar") return scalarValue(spec, node);
  if (node.type === "list") return node.items.map((item) => jsonValue(itemSpec(spec), item));
  const inside = objectSpec(spec, node);
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, jsonValue(keySpec(inside, key), value)]));
}

class Printing {
  readonly #yaml: typeof Yaml;
  readonly #document: Yaml.Document;

  constructor(yaml: typeof Yaml, document: Yaml.Document) {
    this.#yaml = yaml;
    this.#document = document;
  }

  node(spec: Spec | null, node: ConfigNode): Yaml.Node {
    if (node.type === "scalar") return this.#document.createNode(scalarValue(spec, node));
    if (node.type === "list") return this.#list(itemSpec(spec), node.items);
    const inside = objectSpec(spec, node);
    const map = new this.#yaml.YAMLMap();
    for (const { key, value } of node.entries) {
      const name = new this.#yaml.Scalar(key);
      if (value.note !== undefined) name.commentBefore = comment(value.note);
      map.items.push(new this.#yaml.Pair(name, this.node(keySpec(inside, key), value)));
    }
    return map;
  }

  #list(spec: Spec | null, items: readonly ConfigNode[]): Yaml.Node {
    const list = new this.#yaml.YAMLSeq();
    for (const item of items) {
      const made = this.node(spec, item);
      if (item.note !== undefined) made.commentBefore = comment(item.note);
      list.items.push(made);
    }
    list.flow = items.length > 0 && items.every((item) => item.type === "scalar");
    return list;
  }
}

function comment(text: string): string {
  return text.replaceAll(/^/gm, " ");
}

function scalarValue(spec: Spec | null, { expanded, value }: ScalarNode): Json {
  if (!expanded || typeof value !== "string") return value;
  if (spec?.type === "number") return Number(value);
  return spec?.type === "bool" ? value === "true" : value;
}

function itemSpec(spec: Spec | null): Spec | null {
  if (spec?.type === "object" && spec.short !== null) return itemSpec(spec.keys[spec.short] ?? null);
  return spec?.type === "list" ? spec.of : null;
}

/** What describes the keys of a map. */
function objectSpec(spec: Spec | null, node: ConfigNode): Spec | null {
  if (spec?.type === "list") return objectSpec(spec.of, node); // a single value that stands for a list
  if (spec?.type !== "kind") return spec;
  const tag = entryOf(node, spec.tag)?.value;
  const name = tag?.type === "scalar" && typeof tag.value === "string" ? tag.value : spec.omitted;
  return name !== null && Object.hasOwn(spec.kinds, name) ? (spec.kinds[name] ?? null) : null;
}

function keySpec(spec: Spec | null, key: string): Spec | null {
  if (spec?.type === "map") return spec.of;
  if (spec?.type !== "object") return null;
  if (key === "experimental" && !Object.hasOwn(spec.keys, key)) return experimentalSpec;
  return Object.hasOwn(spec.keys, key) ? (spec.keys[key] ?? null) : null;
}
