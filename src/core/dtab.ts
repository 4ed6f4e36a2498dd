// Delegation tables: ordered rewrite rules for names. The last entry that matches is tried first; how specific a prefix is does not matter.
import { type NameTree, mapTree, neg, showTree, type WeightStyle } from "./name-tree.ts";
import type { Path } from "./path.ts";
import { PrefixIndex } from "./prefix-index.ts";
import { type Prefix, showPrefix } from "./prefix.ts";

/** One rule, `prefix => dst`. */
export interface Dentry {
  readonly prefix: Prefix;
  readonly dst: NameTree<Path>;
}

/** `/svc=>/srv | /backup`, without blanks around the arrow. */
function showDentry(dentry: Dentry, style: WeightStyle = "canonical"): string {
  return `${showPrefix(dentry.prefix)}=>${showTree(dentry.dst, (path) => path.show(), style)}`;
}

/** What a matching rule makes of a path: the path's remaining segments appended to every leaf. */
export function substitute(dentry: Dentry, path: Path): NameTree<Path> {
  const rest = path.drop(dentry.prefix.length);
  const { dst } = dentry;
  if (dst.kind === "leaf") return { kind: "leaf", value: dst.value.concat(rest) };
  return rest.size === 0 ? dst : mapTree(dst, (leaf) => leaf.concat(rest));
}

/** An immutable list of rules with an index, so that a lookup costs about the same in ten rules and in ten thousand. */
export class Dtab {
  static readonly empty = new Dtab([]);
  /** Each layer keeps its own index: a request's two rules on top of a base of ten thousand do not index the base again. */
  readonly #layers: readonly PrefixIndex<Dentry>[];
  #entries: readonly Dentry[] | undefined;
  readonly #texts = new Map<WeightStyle, string>();

  private constructor(layers: readonly PrefixIndex<Dentry>[]) {
    this.#layers = layers;
  }

  static of(entries: readonly Dentry[]): Dtab {
    return entries.length === 0 ? Dtab.empty : new Dtab([new PrefixIndex(entries)]);
  }

  /** In written order. */
  get entries(): readonly Dentry[] {
    this.#entries ??= this.#layers.flatMap((layer) => layer.items);
    return this.#entries;
  }

  get isEmpty(): boolean {
    return this.#layers.length === 0;
  }

  /** This table followed by another, whose rules therefore win. */
  concat(later: Dtab): Dtab {
    if (later.isEmpty) return this;
    return this.isEmpty ? later : new Dtab([...this.#layers, ...later.#layers]);
  }

  /** Builds a piece of the index, which otherwise is built at the first search; false if nothing was left to build. */
  buildNext(): boolean {
    return this.#layers.some((layer) => layer.buildNext());
  }

  /** The rules that match `path`, last written first. */
  matches(path: Path): readonly Dentry[] {
    let found: readonly Dentry[] = [];
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const inLayer = this.#layers[i]?.matches(path.segments) ?? [];
      found = found.length === 0 ? inLayer : inLayer.length === 0 ? found : found.concat(inLayer);
    }
    return found;
  }

  /** One delegation step (Finagle `Dtab.lookup`): no match is neg, one is its tree, several are alternatives in the order they are tried. */
  lookup(path: Path): NameTree<Path> {
    const found = this.matches(path);
    if (found.length === 0) return neg;
    const [only] = found;
    if (found.length === 1 && only !== undefined) return substitute(only, path);
    return { kind: "alt", trees: found.map((dentry) => substitute(dentry, path)) };
  }

  /** The canonical text, `/svc=>/srv;/srv=>/#/io.l5d.fs`. Weights are printed with two decimals: see `key`. */
  show(): string {
    return this.#text("canonical");
  }

  /** Text that is equal only for equal tables, and reads back as the same table: for cache keys and for passing the table on. */
  key(): string {
    return this.#text("exact");
  }

  toString(): string {
    return this.show();
  }

  toJSON(): string {
    return this.show();
  }

  #text(style: WeightStyle): string {
    let text = this.#texts.get(style);
    if (text === undefined) {
      text = this.entries.map((entry) => showDentry(entry, style)).join(";");
      this.#texts.set(style, text);
    }
    return text;
  }
}
