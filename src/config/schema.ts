// What a configuration may contain, said once: type, default, unit, class and meaning of every key.
// `read.ts` checks a file against it, `reference.ts` and `json-schema.ts` print it, `Infer` gives its type.
import { type Json } from "./node.ts";
import {
  type Check,
  type Described,
  type Difference,
  type NameRule,
  type NumberSpec,
  type RefusedSpec,
  type Spec,
  type Unit,
  type ValueRule,
} from "./spec.ts";

/** What may be said about any key. */
export interface Options<T> {
  /** The meaning, in one sentence or two. */
  readonly doc: string;
  readonly required?: true;
  /** A key beside it with which it is not required: whoever loads the file then puts something in its place. */
  readonly unless?: string;
  readonly default?: T;
  /** The default in a file with `fairlead: 1`, where it differs. */
  readonly modernDefault?: T;
  /** How the reference shows a default that is computed. */
  readonly defaultDoc?: string;
  /** Makes the key accepted with this warning. */
  readonly accepted?: string;
  /** `fairlead` marks a key that Linkerd 1.x does not have. */
  readonly origin?: "fairlead";
  /** How this key behaves differently from Linkerd 1.x, whatever the defaults: a text is met by files that have the key. */
  readonly differs?: string | (Pick<Difference, "says" | "where"> & Partial<Difference>);
  readonly refuse?: ValueRule<T>;
  readonly warn?: ValueRule<T>;
}

/** Whether a value is there after reading: always, because of a default, perhaps, or never (refused). */
export type Presence = "required" | "defaulted" | "optional" | "absent";

declare const inferred: unique symbol;

/** A description of values of type `T`. */
export interface Schema<T, P extends Presence = Presence> {
  readonly spec: Spec;
  readonly [inferred]?: readonly [T, P];
}
export type Keys = Readonly<Record<string, Schema<unknown>>>;

/** The type of what a schema reads. */
export type Infer<S> = S extends Schema<infer T> ? T : never;
/** Whether a key of a schema is there after reading. */
type PresenceIn<S> = S extends Schema<unknown, infer P> ? P : never;
/** The presence that options ask for. */
export type PresenceOf<O> = O extends { readonly required: true }
  ? "required"
  : O extends { readonly default: unknown }
    ? "defaulted"
    : "optional";
/** An intersection of objects as one object, for readable types. */
export type Flat<T> = { [P in keyof T]: T[P] };

/** The object type of a set of keys; refused ones are not in it. */
export type ObjectOf<K extends Keys> = Flat<
  { readonly [P in keyof K as PresenceIn<K[P]> extends "required" | "defaulted" ? P : never]: Infer<K[P]> } & {
    readonly [P in keyof K as PresenceIn<K[P]> extends "optional" ? P : never]?: Infer<K[P]>;
  }
>;

/** Text, not empty unless said so. */
export function text<const O extends Options<string> & { readonly allowEmpty?: true }>(
  options: O,
): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: null, allowEmpty: options.allowEmpty ?? false } };
}

/** A delegation table; may be empty. */
export function dtab<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "dtab", allowEmpty: true } };
}

/** A path such as `/svc/users`. */
export function path<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "path", allowEmpty: false } };
}

/** A path with `*` and captures such as `/svc/{name}`. */
export function pathPattern<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "pathPattern", allowEmpty: false } };
}

/** A path to fill in, such as `/srv/{name}`. */
export function pathTemplate<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "pathTemplate", allowEmpty: false } };
}

/** The name of a header. */
export function headerName<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "headerName", allowEmpty: false } };
}

/** The name of an HTTP/2 header, which may be a pseudo-header such as `:authority`. */
export function http2HeaderName<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "http2HeaderName", allowEmpty: false } };
}

/** An endpoint, `host:port` with a weight perhaps; whether the port may be missing is for others to say. */
export function endpoint<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "endpoint", allowEmpty: false } };
}

/** One of a few words. */
export function word<const W extends string, const O extends Options<NoInfer<W>>>(
  options: O,
  words: readonly W[],
): Schema<W, PresenceOf<O>> {
  return { spec: { ...described(options), type: "word", words } };
}

/** An IPv4 or IPv6 address. */
export function ip<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "ip", allowEmpty: false } };
}

/** The path of a unix socket; a relative one belongs to the working directory. */
export function socketPath<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "socketPath", allowEmpty: false } };
}

/** Permissions of a file, in octal: `"0660"`. */
export function fileMode<const O extends Options<string>>(options: O): Schema<string, PresenceOf<O>> {
  return { spec: { ...described(options), type: "text", format: "fileMode", allowEmpty: false } };
}

export interface NumberOptions extends Options<number> {
  readonly min?: number;
  readonly max?: number;
  readonly unit?: Unit;
  /** A sensible value for messages, if it is neither the default nor `min`. */
  readonly example?: number;
  /** May also be written `auto`, which reads as this number. */
  readonly auto?: number;
}

/** Longest length in milliseconds that a timer takes: 2^31 − 1, about 24 days. */
const maxTimerMs = 2_147_483_647;

/** A whole number. */
export function int<const O extends NumberOptions>(options: O): Schema<number, PresenceOf<O>> {
  return { spec: numberSpec(options, true) };
}

/** A number, perhaps with a fraction. */
export function number<const O extends NumberOptions>(options: O): Schema<number, PresenceOf<O>> {
  return { spec: numberSpec(options, false) };
}

/** A port to listen on; 0 lets the system choose one. */
export function port<const O extends Options<number>>(options: O): Schema<number, PresenceOf<O>> {
  return { spec: numberSpec({ example: 4140, ...options, min: 0, max: 65535 }, true) };
}

function numberSpec(options: NumberOptions, whole: boolean): NumberSpec {
  const max = options.max ?? (options.unit === "ms" ? maxTimerMs : Number.MAX_SAFE_INTEGER);
  const min = options.min ?? 0;
  const example = options.example ?? options.default ?? Math.max(min, 1);
  return {
    ...described(options),
    type: "number",
    whole,
    min,
    max,
    unit: options.unit ?? null,
    example,
    auto: options.auto ?? null,
  };
}

export function bool<const O extends Options<boolean>>(options: O): Schema<boolean, PresenceOf<O>> {
  return { spec: { ...described(options), type: "bool" } };
}

/** A list of values of one schema. */
export function list<T, const O extends Options<Json> & { readonly minLength?: number }>(
  options: O,
  of: Schema<T>,
): Schema<readonly T[], PresenceOf<O>> {
  return {
    spec: { ...described(options), type: "list", of: of.spec, minLength: options.minLength ?? 0, single: false },
  };
}

/** A list, or a single value that stands for a list of one. */
export function oneOrMany<T, const O extends Options<Json>>(
  options: O,
  of: Schema<T>,
): Schema<readonly T[], PresenceOf<O>> {
  return { spec: { ...described(options), type: "list", of: of.spec, minLength: 1, single: true } };
}

/** A map whose keys are names that the file chooses; not empty. */
export function mapOf<T, const O extends Options<Json> & { readonly name: NameRule; readonly example: string }>(
  options: O,
  of: Schema<T>,
): Schema<Readonly<Record<string, T>>, PresenceOf<O>> {
  const { name, example } = options;
  return { spec: { ...described(options), type: "map", name, of: of.spec, example } };
}

export interface ObjectOptions extends Options<Json> {
  readonly experimental?: true;
  readonly repeats?: { readonly keys: readonly string[]; readonly of: string };
  /** The key whose value may stand for the whole object, where that is no map. */
  readonly short?: string;
}

/** A map with known keys. Unknown ones are problems. */
export function object<const K extends Keys, const O extends ObjectOptions>(
  options: O & { readonly checks?: readonly Check<ObjectOf<K>>[] },
  keys: K,
): Schema<ObjectOf<K>, PresenceOf<O>> {
  const checks = options.checks ?? [];
  const { experimental = false, repeats = null, short = null } = options;
  return { spec: { ...described(options), type: "object", keys: specsOf(keys), checks, experimental, repeats, short } };
}

/** The same key where it has no effect, or not its whole effect. */
export function ineffective<T, P extends Presence>(schema: Schema<T, P>, warning: string): Schema<T, P> {
  return { spec: { ...schema.spec, class: { at: "accepted", warning } } };
}

/** A key or kind that is known but not taken. */
export function refused(options: {
  readonly doc: string;
  readonly because: string;
  readonly instead: string;
  readonly origin?: "fairlead";
}): Schema<never, "absent"> {
  const spec: RefusedSpec = { ...described(options), type: "refused" };
  return { spec: { ...spec, class: { at: "refused", reason: options.because, instead: options.instead } } };
}

/** A key or kind of Linkerd 1.x that a later release may bring. */
export function unavailable(doc: string, instead: string): Schema<never, "absent"> {
  return refused({ doc, because: "is not available in this release", instead });
}

function specsOf(keys: Keys): Record<string, Spec> {
  return Object.fromEntries(Object.entries(keys).map(([key, schema]) => [key, schema.spec]));
}

export function described(options: Options<Json>): Described {
  return {
    doc: options.doc,
    class: options.accepted === undefined ? { at: "effective" } : { at: "accepted", warning: options.accepted },
    origin: options.origin ?? "linkerd",
    required: options.required ?? false,
    unless: options.unless ?? null,
    defaults: { linkerd: options.default, fairlead: options.modernDefault ?? options.default },
    fills: true,
    defaultDoc: options.defaultDoc ?? null,
    differs: differenceOf(options.differs),
    refuse: options.refuse ?? null,
    warn: options.warn ?? null,
  };
}

function differenceOf(given: Options<Json>["differs"]): Difference | null {
  if (given === undefined) return null;
  return typeof given === "string" ? { says: given, where: "written", before: null } : { before: null, ...given };
}

/** The same keys, all optional and without defaults filled in, so that "not given" stays visible. */
export type Unfilled<K extends Keys> = {
  readonly [P in keyof K]: PresenceIn<K[P]> extends "absent" ? K[P] : Schema<Infer<K[P]>, "optional">;
};

export function unfilled<const K extends Keys>(keys: K): Unfilled<K> {
  const entries = Object.entries(keys).map(([key, { spec }]) => [
    key,
    { spec: { ...spec, fills: false, required: false } },
  ]);
  // `fromEntries` forgets which key has which schema; the specs above are the same ones, made optional.
  return Object.fromEntries(entries) as Unfilled<K>;
}
