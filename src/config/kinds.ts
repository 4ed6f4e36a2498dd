// Objects that select their shape by a word: `kind: p2c`, or `protocol: http` for routers.
import { invariant } from "../base/invariant.ts";
import { type Json } from "./node.ts";
import { type Flat, type Infer, type Options, type PresenceOf, type Schema, described } from "./schema.ts";
import { type BoolSpec, type KindSpec, type OpenChoice, type ObjectSpec, type RefusedSpec } from "./spec.ts";

type Kinds = Readonly<Record<string, Schema<unknown>>>;
type TagOf<O> = O extends { readonly tag: infer T extends string } ? T : "kind";
type Refused = Schema<never, "absent">;

/** One object type per kind that is not refused, told apart by the tag. */
export type OneOfKinds<Tag extends string, K extends Kinds> = {
  [Name in keyof K & string]: K[Name] extends Refused ? never : Flat<{ readonly [T in Tag]: Name } & Infer<K[Name]>>;
}[keyof K & string];

/** Every object with a kind may carry this key; those flagged experimental must. */
export const experimentalSpec: BoolSpec = {
  ...described({ doc: "Confirms the use of an experimental kind." }),
  type: "bool",
};

export interface KindOptions extends Options<Json> {
  /** The key that selects; `kind` unless said otherwise. */
  readonly tag?: string;
  /** The kind taken when the key is left out; without it the key is required. */
  readonly omitted?: string;
  /** Plug-ins may add kinds. */
  readonly open?: OpenChoice;
}

/** An object of one of several kinds. Each kind is an `object` or `refused`. */
export function kindOf<const K extends Kinds, const O extends KindOptions>(
  options: O,
  kinds: K,
): Schema<OneOfKinds<TagOf<O>, K>, PresenceOf<O>> {
  const specs: Record<string, ObjectSpec | RefusedSpec> = {};
  for (const [name, { spec }] of Object.entries(kinds)) {
    invariant(spec.type === "object" || spec.type === "refused", "a kind is made with object() or refused()");
    specs[name] = spec;
  }
  const spec: KindSpec = {
    ...described(options),
    type: "kind",
    tag: options.tag ?? "kind",
    kinds: specs,
    omitted: options.omitted ?? null,
    open: options.open ?? null,
  };
  return { spec };
}
