// The default interpreter: from a logical path to a live tree of bound names.
import type { Activity } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import type { BoundName } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";
import type { Path } from "../core/path.ts";
import type { Var } from "../core/var.ts";
import { Binder } from "./binder.ts";
import { Explainer } from "./delegate.ts";
import type { Delegation } from "./delegation.ts";
import type { NamerTable } from "./namer-table.ts";

/** A live tree without alternatives: they have been decided. */
export type Binding = Activity<NameTree<BoundName>>;

/** Turns paths into bound names. */
export interface NameInterpreter {
  /** @param local the request's own rules; they come after, and so win over, those of `base`. */
  bind(base: Dtab, local: Dtab, path: Path): Binding;
  /** Explains a binding, with all alternatives. Absent if this interpreter cannot. */
  delegate?(base: Dtab, local: Dtab, path: Path): Var<Delegation>;
}

/** Kind `default`: rewrites paths through the dtab until the configured and the built-in namers know them. */
export class Interpreter implements NameInterpreter {
  readonly #namers: NamerTable;

  constructor(namers: NamerTable) {
    this.#namers = namers;
  }

  bind(base: Dtab, local: Dtab, path: Path): Binding {
    return new Binder(this.#namers, base.concat(local), path).bind();
  }

  delegate(base: Dtab, local: Dtab, path: Path): Var<Delegation> {
    return new Explainer(this.#namers, base.concat(local), path).explain();
  }
}
