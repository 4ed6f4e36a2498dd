// Names of an interpreter, transformed before anybody is told of them.
import type { BindingState, Told } from "../live-names.ts";
import type { Transformer } from "./transformer.ts";

/** Tells what becomes of what is told. Nothing has to be remembered for it: what was told before becomes what it became then. */
export function transformedTold(tell: Told, transformer: Transformer): Told {
  const transformed = (state: BindingState): BindingState =>
    state.at === "ok" ? { at: "ok", value: transformer.transform(state.value) } : state;
  return (binding, state, before) => {
    tell(binding, transformed(state), before === undefined ? undefined : transformed(before));
  };
}
