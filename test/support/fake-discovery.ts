// Discovery that tests own: a namer whose names are set by hand, and a resolver that is a table.
import { Activity, type ActivityState } from "../../src/core/activity.ts";
import type { BoundName } from "../../src/core/endpoint.ts";
import { leaf, type NameTree, neg } from "../../src/core/name-tree.ts";
import type { NamedTree, Namer } from "../../src/core/namer.ts";
import { type Path, pathFrom } from "../../src/core/path.ts";
import type { Resolution, Resolver } from "../../src/core/resolver.ts";
import { Constant, Source } from "../../src/core/var.ts";

/** A bound name with fixed addresses, which binding does not look at. */
export function boundTo(id: string, residual = "/"): BoundName {
  return {
    kind: "endpoints",
    id: pathFrom(id),
    residual: pathFrom(residual),
    addresses: new Constant({ at: "bound", addresses: [] }),
  };
}

/** A namer that knows names of one segment; a name nobody has set is neg. */
export class FakeNamer implements Namer {
  readonly prefix: Path;
  readonly #names = new Map<string, Source<ActivityState<NamedTree>>>();

  constructor(prefix: string) {
    this.prefix = pathFrom(prefix);
  }

  lookup(rest: Path): Activity<NamedTree> {
    const [name] = rest.segments;
    if (name === undefined) return Activity.ok<NamedTree>(neg);
    return new Activity(this.#source(name)).map((tree) => withResidual(tree, rest.drop(1)));
  }

  /** How many observers all its names have: none are left when everybody has let go. */
  get observerCount(): number {
    return [...this.#names.values()].reduce((sum, source) => sum + source.observerCount, 0);
  }

  set(name: string, state: ActivityState<NamedTree>): void {
    this.#source(name).set(state);
  }

  /** The name is bound to itself. */
  add(name: string): void {
    this.set(name, { at: "ok", value: leaf(boundTo(`${this.prefix.show()}/${name}`)) });
  }

  remove(name: string): void {
    this.set(name, { at: "ok", value: neg });
  }

  #source(name: string): Source<ActivityState<NamedTree>> {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const source = new Source<ActivityState<NamedTree>>({ at: "ok", value: neg });
    this.#names.set(name, source);
    return source;
  }
}

/** What a namer answers, with the part of the path it did not use. */
export function withResidual(tree: NamedTree, residual: Path): NameTree<Path | BoundName> {
  return tree.kind === "leaf" && "id" in tree.value ? leaf({ ...tree.value, residual }) : tree;
}

/** A resolver that answers when the test says so, or at once from a table. */
export class FakeResolver implements Resolver {
  readonly table = new Map<string, Resolution>();
  readonly asked: string[] = [];
  readonly waiting: { readonly host: string; readonly answer: (resolution: Resolution) => void }[] = [];

  resolve(host: string, done: (resolution: Resolution) => void): void {
    this.asked.push(host);
    const known = this.table.get(host);
    if (known === undefined) this.waiting.push({ host, answer: done });
    else done(known);
  }

  found(host: string, ...addresses: string[]): void {
    this.table.set(host, { at: "found", addresses });
  }
}
