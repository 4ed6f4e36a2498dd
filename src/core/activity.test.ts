import { describe, expect, test } from "vitest";
import { Activity, type ActivityState } from "./activity.ts";
import { Constant, Source } from "./var.ts";

const pending = { at: "pending" } as const;
const failed = (message: string) => ({ at: "failed", message }) as const;
const ok = <T>(value: T) => ({ at: "ok", value }) as const;

function settable<T>(): { readonly source: Source<ActivityState<T>>; readonly activity: Activity<T> } {
  const source = new Source<ActivityState<T>>(pending);
  return { source, activity: new Activity(source) };
}

function statesOf<T>(activity: Activity<T>): ActivityState<T>[] {
  const states: ActivityState<T>[] = [];
  activity.observe((state) => states.push(state));
  return states;
}

describe("Activity", () => {
  test("maps values and passes pending and failed through", () => {
    const { source, activity } = settable<number>();
    const states = statesOf(activity.map((n) => n + 1));
    source.set(ok(1));
    source.set(failed("gone"));
    expect(states).toEqual([pending, ok(2), failed("gone")]);
  });

  test("follows the activity chosen for its value", () => {
    const outer = settable<boolean>();
    const inner = settable<string>();
    const states = statesOf(outer.activity.flatMap((go) => (go ? inner.activity : Activity.failed("stopped"))));
    outer.source.set(ok(true));
    inner.source.set(ok("x"));
    outer.source.set(ok(false));
    inner.source.set(ok("y"));
    expect(states).toEqual([pending, pending, ok("x"), failed("stopped")]);
    expect(inner.source.observerCount).toBe(0);
  });

  test("stabilized keeps the last good value", () => {
    const { source, activity } = settable<number>();
    const states = statesOf(activity.stabilize());
    for (const state of [failed("early"), ok(1), pending, failed("late"), ok(2)]) source.set(state);
    expect(states).toEqual([pending, failed("early"), ok(1), ok(2)]);
  });

  test("distinct leaves out what says the same", () => {
    const { source, activity } = settable<{ n: number }>();
    const states = statesOf(activity.distinct((a, b) => a.n === b.n));
    for (const state of [ok({ n: 1 }), ok({ n: 1 }), failed("x"), failed("x"), { ...pending }, ok({ n: 1 })])
      source.set(state);
    expect(states.map((s) => s.at)).toEqual(["pending", "ok", "failed", "pending", "ok"]);
  });

  test.each<[string, ActivityState<number>[], ActivityState<readonly number[]>]>([
    ["all values", [ok(1), ok(2)], ok([1, 2])],
    ["the first failure", [pending, failed("a"), failed("b")], failed("a")],
    ["pending if one is", [ok(1), pending], pending],
    ["nothing of nothing", [], ok([])],
  ])("collect gives %s", (_, states, result) => {
    expect(Activity.collect(states.map((s) => new Activity(new Constant(s)))).sample()).toEqual(result);
  });

  test("knows whether it can ever change", () => {
    expect(Activity.ok(1).map((n) => n + 1).fixed).toEqual(ok(2));
    expect(Activity.pending.fixed).toEqual(pending);
    expect(settable<number>().activity.fixed).toBeUndefined();
    expect(Activity.ok(1).flatMap(() => settable<number>().activity).fixed).toBeUndefined();
  });
});
