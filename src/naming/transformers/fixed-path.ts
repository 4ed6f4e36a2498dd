// A path that the built-in namers alone resolve: what io.l5d.replace and io.l5d.const put in place of names.
import { Path } from "../../core/path.ts";
import { neg } from "../../core/name-tree.ts";
import { ask, type NamerTable } from "../namer-table.ts";
import type { BoundNames } from "./transformer.ts";

/** `/$/io.buoyant.porthostPfx/…` and the like rearrange a path that is then looked up again; no sensible path does so more often. */
const MAX_STEPS = 10;

/**
 * What a path is bound to, or why it is to nothing. Built-in namers know at once; only addresses beneath change.
 * @param namers a table of the built-in namers alone.
 */
export function fixedPath(path: Path, namers: NamerTable): BoundNames | string {
  let at = path;
  for (let step = 0; step < MAX_STEPS; step++) {
    const [namer] = namers.matching(at);
    const state = (namer === undefined ? namers.unmatched(at) : ask(namer, at)).sample();
    if (state.at === "pending") return `${at.show()} is not known at once`;
    if (state.at === "failed") return state.message;
    const tree = state.value;
    if (tree.kind === "neg") return `${at.show()} names nothing`;
    if (tree.kind !== "leaf") return tree.kind === "fail" || tree.kind === "empty" ? tree : neg; // they make no groups
    if (!(tree.value instanceof Path)) return { kind: "leaf", value: tree.value };
    at = tree.value;
  }
  return `${path.show()} is rearranged more than ${MAX_STEPS} times`;
}
