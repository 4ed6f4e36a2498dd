// A changing value that may not be known yet, or may have failed: what every name look-up returns.
import { collect, Constant, type Var } from "./var.ts";

export type ActivityState<T> =
  | { readonly at: "pending" }
  | { readonly at: "ok"; readonly value: T }
  | { readonly at: "failed"; readonly message: string };

const pendingState = { at: "pending" } as const;

/** A `Var` of pending, ok or failed, whose values compose while the other two pass through. */
export class Activity<T> {
  static readonly pending = new Activity<never>(new Constant(pendingState));
  readonly states: Var<ActivityState<T>>;

  constructor(states: Var<ActivityState<T>>) {
    this.states = states;
  }

  static ok<T>(value: T): Activity<T> {
    return new Activity(new Constant({ at: "ok", value }));
  }

  static failed(message: string): Activity<never> {
    return new Activity(new Constant({ at: "failed", message }));
  }

  /** The values of all: failed if one failed (the first of them), else pending if one is pending. */
  static collect<T>(activities: readonly Activity<T>[]): Activity<readonly T[]> {
    return new Activity(collect(activities.map((activity) => activity.states)).map(all));
  }

  /** The state, if it can never change. */
  get fixed(): ActivityState<T> | undefined {
    return this.states instanceof Constant ? this.states.sample() : undefined;
  }

  observe(listener: (state: ActivityState<T>) => void): Disposable {
    return this.states.observe(listener);
  }

  sample(): ActivityState<T> {
    return this.states.sample();
  }

  map<U>(change: (value: T) => U): Activity<U> {
    return new Activity(
      this.states.map((state) => (state.at === "ok" ? { at: "ok", value: change(state.value) } : state)),
    );
  }

  flatMap<U>(choose: (value: T) => Activity<U>): Activity<U> {
    return new Activity(
      this.states.flatMap((state) => (state.at === "ok" ? choose(state.value).states : new Constant(state))),
    );
  }

  /** Keeps the last good value when later states are pending or failed. Each observation remembers for itself. */
  stabilize(): Activity<T> {
    return new Activity(
      this.states.scan<ActivityState<T>>((previous, state) =>
        state.at !== "ok" && previous?.at === "ok" ? previous : state,
      ),
    );
  }

  /** Leaves out a state that says the same as the one before. */
  distinct(same: (a: T, b: T) => boolean): Activity<T> {
    return new Activity(this.states.distinct((a, b) => sameState(a, b, same)));
  }
}

function all<T>(states: readonly ActivityState<T>[]): ActivityState<readonly T[]> {
  const values: T[] = [];
  let pending = false;
  for (const state of states) {
    if (state.at === "failed") return state;
    if (state.at === "ok") values.push(state.value);
    else pending = true;
  }
  return pending ? pendingState : { at: "ok", value: values };
}

/** Whether two states say the same. */
export function sameState<T>(a: ActivityState<T>, b: ActivityState<T>, same: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  if (a.at === "ok") return b.at === "ok" && same(a.value, b.value);
  if (a.at === "failed") return b.at === "failed" && a.message === b.message;
  return b.at === "pending";
}
