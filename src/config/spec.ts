// A schema as plain data: what every key of a configuration is. Built by `schema.ts`, read by everything else in this folder.
import { type FormatName } from "./formats.ts";
import { type Json } from "./node.ts";
import { type KeyPath } from "./problems.ts";

/** Whose defaults hold: those of Linkerd 1.x, or with the top-level key `fairlead: 1` those of today. */
export type Mode = "linkerd" | "fairlead";

/** Every key is in exactly one class. */
export type KeyClass =
  | { readonly at: "effective" }
  /** Read and kept, but something about it has no effect; every use is a warning. */
  | { readonly at: "accepted"; readonly warning: string }
  /** Not available, or it would change safety or routing in silence; every use is a problem. */
  | { readonly at: "refused"; readonly reason: string; readonly instead: string };

/** Some values of an effective key are in another class. */
export interface ValueRule<T> {
  /** The values as the reference shows them, such as `true` or `1 to 9`. */
  readonly shown: string;
  when(value: T): boolean;
  readonly because: string;
  readonly instead: string;
}

/** What is said about every key and kind. */
export interface Described {
  readonly doc: string;
  readonly class: KeyClass;
  readonly origin: "linkerd" | "fairlead";
  readonly required: boolean;
  /** A key beside it with which it is not required. */
  readonly unless: string | null;
  readonly defaults: Readonly<Record<Mode, Json | undefined>>;
  /** False where the default is filled in later, after policies were merged. */
  readonly fills: boolean;
  readonly defaultDoc: string | null;
  readonly differs: Difference | null;
  readonly refuse: ValueRule<unknown> | null;
  readonly warn: ValueRule<unknown> | null;
}

/** How a key behaves differently from Linkerd 1.x, whatever the defaults. */
export interface Difference {
  readonly says: string;
  /** Met by files that have the key, by files that leave it out, or by both. */
  readonly where: "written" | "left out" | "everywhere";
  /** How to have it as before, where that is possible. */
  readonly before: string | null;
}

export type Unit = "ms" | "s" | "KB" | "bytes" | "requests" | "connections" | "streams";

export interface TextSpec extends Described {
  readonly type: "text";
  readonly format: FormatName | null;
  readonly allowEmpty: boolean;
}
/** One of a few texts. */
export interface WordSpec extends Described {
  readonly type: "word";
  readonly words: readonly string[];
}
export interface NumberSpec extends Described {
  readonly type: "number";
  readonly whole: boolean;
  readonly min: number;
  readonly max: number;
  readonly unit: Unit | null;
  readonly example: number;
  /** What `auto` reads as; null where it may not be written. */
  readonly auto: number | null;
}
export interface BoolSpec extends Described {
  readonly type: "bool";
}
export interface ListSpec extends Described {
  readonly type: "list";
  readonly of: Spec;
  readonly minLength: number;
  /** A single value may stand for a list of one. */
  readonly single: boolean;
}
export interface ObjectSpec extends Described {
  readonly type: "object";
  readonly keys: Readonly<Record<string, Spec>>;
  readonly checks: readonly Check<never>[];
  /** Needs `experimental: true` beside its kind. */
  readonly experimental: boolean;
  /** Keys documented elsewhere, and where. */
  readonly repeats: { readonly keys: readonly string[]; readonly of: string } | null;
  /** The key whose value may stand for the whole object. */
  readonly short: string | null;
}
/** What the keys of a map with keys of one's own look like. */
export interface NameRule {
  /** What is wrong with a name, or null. */
  wrong(name: string): string | null;
  readonly instead: string;
}
export interface MapSpec extends Described {
  readonly type: "map";
  readonly name: NameRule;
  readonly of: Spec;
  /** One entry, for messages. */
  readonly example: string;
}
/** Choices to which plug-ins may add kinds. */
export type OpenChoice = "accrual" | "filter" | "identifier" | "namer" | "protocol";

export interface KindSpec extends Described {
  readonly type: "kind";
  /** The key that selects: `kind`, or `protocol` for routers. */
  readonly tag: string;
  readonly kinds: Readonly<Record<string, ObjectSpec | RefusedSpec>>;
  /** The kind taken when the key is left out. */
  readonly omitted: string | null;
  /** What plug-ins may add kinds as; null for a choice that is complete. */
  readonly open: OpenChoice | null;
}
export interface RefusedSpec extends Described {
  readonly type: "refused";
}
export type Spec =
  | TextSpec
  | WordSpec
  | NumberSpec
  | BoolSpec
  | ListSpec
  | MapSpec
  | ObjectSpec
  | KindSpec
  | RefusedSpec;

/** A value in which everything that had a problem is missing; what checks across keys see. */
export type Partially<T> = T extends readonly (infer E)[]
  ? readonly (Partially<E> | undefined)[]
  : T extends object
    ? { readonly [P in keyof T]?: Partially<T[P]> | undefined }
    : T;

/** Tells a problem at a key below the checked object. */
export type Report = (at: KeyPath, message: string, advice: string) => void;
/** Whether a key below the checked object stands in the file, rather than being filled in. */
export type Written = (at: KeyPath) => boolean;
/** A condition over several keys of an object. */
export type Check<T> = (value: Partially<T>, report: Report, written: Written) => void;
