// A JSON Schema (draft 2020-12) of the configuration, for completion and checks in editors. The program itself does not use it.
import { type Json } from "./node.ts";
import { type KindSpec, type NumberSpec, type ObjectSpec, type Spec } from "./spec.ts";
import { contentOf } from "./walk.ts";
import { keyOf } from "./wording.ts";

type JsonSchema = Readonly<Record<string, Json>>;

/** The schema of a whole file. Parts used more than once are in `$defs`. */
export function jsonSchemaOf(root: ObjectSpec, title: string): JsonSchema {
  const shared = new Shared(root);
  const schema = shared.schemaOf(root);
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title, ...schema, $defs: shared.definitions() };
}

class Shared {
  readonly #uses = new Map<Spec, number>();
  readonly #names = new Map<Spec, string>();
  readonly #definitions: Record<string, JsonSchema> = {};

  constructor(root: Spec) {
    this.#count(root);
  }

  definitions(): JsonSchema {
    return this.#definitions;
  }

  schemaOf(spec: Spec): JsonSchema {
    const about = { description: describe(spec), ...defaultOf(spec) };
    switch (spec.type) {
      case "text":
        return { ...about, type: "string", ...(spec.format === "path" ? { pattern: "^/" } : {}) };
      case "word":
        return { ...about, anyOf: spec.words.map((one) => ({ const: one })) };
      case "number":
        return {
          ...about,
          ...(spec.auto === null ? numberSchema(spec) : { anyOf: [numberSchema(spec), { const: "auto" }] }),
        };
      case "bool":
        return { ...about, type: "boolean" };
      case "list":
        return { ...about, ...this.#list(spec.of, spec.minLength, spec.single) };
      case "map":
        return { ...about, type: "object", additionalProperties: this.schemaOf(spec.of) };
      case "object":
        return { ...about, ...this.#shortOrWhole(spec) };
      case "kind":
        return { ...about, oneOf: this.#kinds(spec) };
      case "refused":
        return { ...about, not: {} };
    }
  }

  /** The schema of a key: in place, or a reference if several keys share it. */
  #key(name: string, spec: Spec): JsonSchema {
    if ((this.#uses.get(spec) ?? 0) < 2) return this.schemaOf(spec);
    let definition = this.#names.get(spec);
    if (definition === undefined) {
      definition = this.#freeName(name);
      this.#names.set(spec, definition);
      this.#definitions[definition] = {};
      this.#definitions[definition] = this.schemaOf(spec);
    }
    return { $ref: `#/$defs/${definition}` };
  }

  #freeName(name: string): string {
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? name : `${name}${number}`;
      if (!Object.hasOwn(this.#definitions, candidate)) return candidate;
    }
  }

  #shortOrWhole(spec: ObjectSpec): JsonSchema {
    const whole = this.#object(spec, {}, []);
    return spec.short === null ? whole : { anyOf: [this.schemaOf(keyOf(spec, spec.short)), whole] };
  }

  #list(of: Spec, minLength: number, single: boolean): JsonSchema {
    const item = this.schemaOf(of);
    const items: JsonSchema = { type: "array", items: item, minItems: minLength };
    return single ? { anyOf: [item, items] } : items;
  }

  #kinds(spec: KindSpec): JsonSchema[] {
    const known = this.#knownKinds(spec);
    return spec.open === null ? known : [...known, unknownKind(spec)];
  }

  #knownKinds(spec: KindSpec): JsonSchema[] {
    return Object.entries(spec.kinds).flatMap(([name, kind]) => {
      if (kind.type === "refused") return [];
      const extra = { [spec.tag]: { const: name, description: describe(kind) }, experimental: { type: "boolean" } };
      return [{ title: name, ...this.#object(kind, extra, name === spec.omitted ? [] : [spec.tag]) }];
    });
  }

  #object(spec: ObjectSpec, extra: JsonSchema, alsoRequired: readonly string[]): JsonSchema {
    const keys = Object.entries(spec.keys);
    const properties = Object.fromEntries(keys.map(([name, key]) => [name, this.#key(name, key)]));
    const required = keys.filter(([, key]) => key.required && key.unless === null).map(([name]) => name);
    const either = keys.filter(([, key]) => key.required && key.unless !== null);
    const anyOf = either.flatMap(([name, { unless }]) => [{ required: [name] }, { required: [unless] }]);
    return {
      type: "object",
      properties: { ...extra, ...properties },
      required: [...alsoRequired, ...required],
      ...(anyOf.length === 0 ? {} : { anyOf }),
      additionalProperties: false,
    };
  }

  #count(spec: Spec): void {
    const uses = (this.#uses.get(spec) ?? 0) + 1;
    this.#uses.set(spec, uses);
    if (uses > 1) return;
    const content = contentOf(spec);
    if (content?.type === "object") for (const key of Object.values(content.keys)) this.#count(key);
    if (content?.type === "kind") for (const kind of Object.values(content.kinds)) this.#count(kind);
  }
}

/** What an editor that does not know the plug-ins can say of their kinds. */
function unknownKind({ kinds, tag }: KindSpec): JsonSchema {
  const known = Object.keys(kinds).map((name) => ({ const: name }));
  const word = {
    description: "Of a plug-in.",
    type: "string",
    ...(known.length === 0 ? {} : { not: { anyOf: known } }),
  };
  return { title: "of a plug-in", type: "object", properties: { [tag]: word }, required: [tag] };
}

function describe(spec: Spec): string {
  if (spec.class.at === "accepted") return `${spec.doc} Warning: ${spec.class.warning}.`;
  return spec.class.at === "refused" ? `Refused: ${spec.class.reason}; ${spec.class.instead}.` : spec.doc;
}

function defaultOf(spec: Spec): JsonSchema {
  const value = spec.defaults.linkerd;
  return value === undefined || spec.class.at !== "effective" ? {} : { default: value };
}

function numberSchema(spec: NumberSpec): JsonSchema {
  const bounds =
    spec.max === Number.MAX_SAFE_INTEGER ? { minimum: spec.min } : { minimum: spec.min, maximum: spec.max };
  return { type: spec.whole ? "integer" : "number", ...bounds };
}
