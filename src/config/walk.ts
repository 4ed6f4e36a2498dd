// All keys and kinds of a schema, one after the other, with their class: for the reference and for the tests of completeness.
import { type KindSpec, type ObjectSpec, type RefusedSpec, type Spec } from "./spec.ts";

/** A place in a schema. */
export interface Place {
  /** `routers[http].servers[].port`: `[]` stands for the items of a list, `[kind]` for a choice of kind. */
  readonly path: string;
  readonly what: "key" | "kind";
  readonly name: string;
  readonly spec: Spec;
}

/** The object and kind specs directly inside a spec: through lists, but not through keys. */
export function contentOf(spec: Spec): ObjectSpec | KindSpec | null {
  if (spec.type === "list") return contentOf(spec.of);
  return spec.type === "object" || spec.type === "kind" ? spec : null;
}

/** Every key and kind below a spec, parents first. What an object repeats from another one is left out. */
export function* placesOf(spec: Spec, path = ""): Generator<Place> {
  const content = contentOf(spec);
  if (content === null) return;
  if (content.type === "object") yield* keyPlaces(content, content === spec ? path : `${path}[]`);
  else for (const [name, kind] of Object.entries(content.kinds)) yield* kindPlaces(name, kind, `${path}[${name}]`);
}

function* keyPlaces(spec: ObjectSpec, path: string): Generator<Place> {
  for (const [name, key] of Object.entries(spec.keys)) {
    if (spec.repeats?.keys.includes(name)) continue;
    const inner = path === "" ? name : `${path}.${name}`;
    yield { path: inner, what: "key", name, spec: key };
    yield* placesOf(key, inner);
  }
}

function* kindPlaces(name: string, kind: ObjectSpec | RefusedSpec, path: string): Generator<Place> {
  yield { path, what: "kind", name, spec: kind };
  yield* placesOf(kind, path);
}
