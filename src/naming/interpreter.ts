// The default interpreter: from a logical path to a live tree of bound names.
import type { Env } from "../base/env.ts";
import type { Dtab } from "../core/dtab.ts";
import type { Path } from "../core/path.ts";
import type { Var } from "../core/var.ts";
import { Explainer } from "./delegate.ts";
import type { Delegation } from "./delegation.ts";
import { DtabNames } from "./dtab-names.ts";
import type { LiveNames, Told } from "./live-names.ts";
import type { NamerTable } from "./namer-table.ts";
import { transformedTold } from "./transformers/transformed-names.ts";
import type { Transformer } from "./transformers/transformer.ts";

/** Turns paths into bound names. */
export interface NameInterpreter {
  /** A place for names to be followed from. @param tell what is told of them, as long as it is not disposed of. */
  live(env: Env, tell: Told): LiveNames;
  /** Explains a binding, with all alternatives. Absent if this interpreter cannot. */
  delegate?(base: Dtab, local: Dtab, path: Path): Var<Delegation>;
}

/** Kind `default`: rewrites paths through the dtab until the configured and the built-in namers know them. */
export class Interpreter implements NameInterpreter {
  readonly #namers: NamerTable;
  readonly #transformer: Transformer | undefined;

  /** @param transformer changes the names after they were bound. */
  constructor(namers: NamerTable, transformer?: Transformer) {
    this.#namers = namers;
    this.#transformer = transformer;
  }

  live(env: Env, tell: Told): LiveNames {
    const told = this.#transformer === undefined ? tell : transformedTold(tell, this.#transformer);
    return new DtabNames(this.#namers, env, told);
  }

  delegate(base: Dtab, local: Dtab, path: Path): Var<Delegation> {
    return new Explainer(this.#namers, base.concat(local), path, this.#transformer).explain();
  }
}
