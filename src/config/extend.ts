// A schema with further kinds, of which the program learns only when it runs: those of plug-ins.
import type { Schema } from "./schema.ts";
import type { KindSpec, ObjectSpec, OpenChoice, Spec } from "./spec.ts";

/** Further kinds for open choices. */
export type MoreKinds = Readonly<Record<OpenChoice, Readonly<Record<string, ObjectSpec>>>>;

/** The same schema with these kinds in every choice that is open for them. The type knows nothing of them: whoever reads a kind asks for them first. */
export function extended(schema: Schema<unknown>, more: MoreKinds): Schema<unknown> {
  const made = new Map<object, object>();
  return { spec: extendSpec(schema.spec, more, made) };
}

// What several places share is shared afterwards too: documents tell what is the same by that.
function extendSpec(spec: Spec, more: MoreKinds, made: Map<object, object>): Spec {
  const known = made.get(spec);
  if (known !== undefined) return known as Spec; // made from a spec
  const result = copyOf(spec, more, made);
  made.set(spec, result);
  return result;
}

function copyOf(spec: Spec, more: MoreKinds, made: Map<object, object>): Spec {
  switch (spec.type) {
    case "list":
      return { ...spec, of: extendSpec(spec.of, more, made) };
    case "object":
      return { ...spec, keys: extendAll(spec.keys, more, made) };
    case "kind":
      return { ...spec, kinds: kindsOf(spec, more, made) };
    default:
      return spec;
  }
}

function kindsOf(spec: KindSpec, more: MoreKinds, made: Map<object, object>): KindSpec["kinds"] {
  const known = made.get(spec.kinds) as KindSpec["kinds"] | undefined; // as above
  if (known !== undefined) return known;
  const own = Object.entries(spec.kinds).map(([name, kind]) => [name, extendSpec(kind, more, made)]);
  const kinds = { ...Object.fromEntries(own), ...(spec.open === null ? {} : more[spec.open]) };
  made.set(spec.kinds, kinds);
  return kinds as KindSpec["kinds"]; // objects stay objects
}

function extendAll(
  specs: Readonly<Record<string, Spec>>,
  more: MoreKinds,
  made: Map<object, object>,
): Record<string, Spec> {
  const known = made.get(specs);
  if (known !== undefined) return known as Record<string, Spec>; // as above
  const result = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, extendSpec(spec, more, made)]));
  made.set(specs, result);
  return result;
}
