// All keys and kinds of a schema, one after the other, with their class: for the reference and for the tests of completeness.
import { type KeyClass, type KindSpec, type ObjectSpec, type RefusedSpec, type Spec } from "./spec.ts";

/** A place in a schema. */
export interface Place {
  /** `routers[http].servers[].port`: `[]` stands for the items of a list, `[kind]` for a choice of kind, `<name>` for a name of one's own. */
  readonly path: string;
  readonly what: "key" | "kind";
  readonly spec: Spec;
  /** Its own class, or that of what it is inside of: nothing in an accepted key is effective. */
  readonly class: KeyClass;
  readonly origin: "linkerd" | "fairlead";
}

type Outer = Pick<Place, "class" | "origin">;

const outermost: Outer = { class: { at: "effective" }, origin: "linkerd" };

/** The object and kind specs directly inside a spec: through lists and names, but not through keys. */
export function contentOf(spec: Spec): ObjectSpec | KindSpec | null {
  if (spec.type === "list" || spec.type === "map") return contentOf(spec.of);
  return spec.type === "object" || spec.type === "kind" ? spec : null;
}

/** Every key and kind below a spec, parents first. What an object repeats from another one is left out. */
export function* placesOf(spec: Spec, path = "", outer = outermost): Generator<Place> {
  const content = contentOf(spec);
  if (content === null) return;
  if (content.type === "object") yield* keyPlaces(content, pathInside(spec, path), outer);
  else
    for (const [name, kind] of Object.entries(content.kinds)) yield* placesAt(kind, "kind", `${path}[${name}]`, outer);
}

/** The path of what a list or a map holds. */
function pathInside(spec: Spec, path: string): string {
  if (spec.type === "list") return pathInside(spec.of, `${path}[]`);
  return spec.type === "map" ? pathInside(spec.of, `${path}.<name>`) : path;
}

function* keyPlaces(spec: ObjectSpec, path: string, outer: Outer): Generator<Place> {
  for (const [name, key] of Object.entries(spec.keys)) {
    if (spec.repeats?.keys.includes(name) !== true)
      yield* placesAt(key, "key", path === "" ? name : `${path}.${name}`, outer);
  }
}

function* placesAt(spec: Spec | RefusedSpec, what: Place["what"], path: string, outer: Outer): Generator<Place> {
  const origin = outer.origin === "fairlead" ? outer.origin : spec.origin;
  const place: Place = { path, what, spec, class: innerClass(outer.class, spec), origin };
  yield place;
  yield* placesOf(spec, path, place);
}

/** The class of what stands inside of something of class `outer`. */
export function innerClass(outer: KeyClass, spec: Spec): KeyClass {
  return outer.at === "effective" ? spec.class : outer;
}
