// One name, followed through an interpreter.
import { sameState } from "../../src/core/activity.ts";
import { Dtab } from "../../src/core/dtab.ts";
import { sameBound } from "../../src/core/endpoint.ts";
import { sameTree } from "../../src/core/name-tree.ts";
import type { Path } from "../../src/core/path.ts";
import type { NameInterpreter } from "../../src/naming/interpreter.ts";
import type { BindingState, LiveNames } from "../../src/naming/live-names.ts";
import { ManualEnv } from "./manual-env.ts";

/** What a name is bound to, as it is told. */
export class LiveBinding implements Disposable {
  readonly states: BindingState[] = [];
  readonly names: LiveNames;

  constructor(by: NameInterpreter, dtab: Dtab, path: Path, local = Dtab.empty) {
    this.names = by.live(new ManualEnv(), (_, state) => this.#told(state));
    this.names.replace(dtab);
    this.names.bind(1, local, path);
  }

  /** A state that only has its addresses from elsewhere is left out. */
  #told(state: BindingState): void {
    const last = this.states.at(-1);
    if (last === undefined || !sameState(last, state, (a, b) => sameTree(a, b, sameBound))) this.states.push(state);
  }

  [Symbol.dispose](): void {
    this.names[Symbol.dispose]();
  }
}

/** What a name is bound to at first. */
export function bindOnce(by: NameInterpreter, dtab: Dtab, path: Path, local = Dtab.empty): BindingState {
  using binding = new LiveBinding(by, dtab, path, local);
  const [first] = binding.states;
  if (first === undefined) throw new Error(`nothing was told of ${path.show()}`);
  return first;
}
