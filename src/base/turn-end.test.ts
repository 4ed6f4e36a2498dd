import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { type AtTurnEnd, TurnEnd } from "./turn-end.ts";

interface Stage {
  readonly env: ManualEnv;
  readonly turn: TurnEnd;
  readonly failures: unknown[];
  readonly told: string[];
  /** Writes its name down when a turn ends. */
  subject(name: string, then?: () => void): AtTurnEnd;
}

function stage(): Stage {
  const env = new ManualEnv();
  const failures: unknown[] = [];
  const told: string[] = [];
  return {
    env,
    turn: new TurnEnd(env.timers, (error) => void failures.push(error)),
    failures,
    told,
    subject: (name, then) => ({
      turnEnded: () => {
        told.push(name);
        then?.();
      },
    }),
  };
}

test("TurnEnd tells nobody before the turn ends, and then everybody once, in the order they asked", () => {
  const { env, subject, told, turn } = stage();
  for (const name of ["a", "b", "c"]) turn.add(subject(name));
  expect(told).toEqual([]);
  expect(env.endTurn()).toBe(true);
  expect(told).toEqual(["a", "b", "c"]);
  expect(env.endTurn()).toBe(false);
  expect(told).toHaveLength(3);
});

test("TurnEnd schedules one call however many ask", () => {
  const calls: (() => void)[] = [];
  const timers = { ...new ManualEnv().timers, soon: (run: () => void) => void calls.push(run) };
  const turn = new TurnEnd(timers, () => undefined);
  const { subject, told } = stage();
  turn.add(subject("a"));
  turn.add(subject("b"));
  expect(calls).toHaveLength(1);
  calls[0]?.();
  expect(told).toEqual(["a", "b"]);
  turn.add(subject("c"));
  expect(calls).toHaveLength(2);
});

test("TurnEnd tells whoever asks twice twice", () => {
  const { env, subject, told, turn } = stage();
  const twice = subject("a");
  turn.add(twice);
  turn.add(twice);
  env.endTurn();
  expect(told).toEqual(["a", "a"]);
});

test("TurnEnd leaves for the next turn what is added while one ends", () => {
  const { env, subject, told, turn } = stage();
  const late = subject("late");
  turn.add(subject("a", () => turn.add(late)));
  turn.add(subject("b"));
  env.endTurn();
  expect(told).toEqual(["a", "b"]);
  env.endTurn();
  expect(told).toEqual(["a", "b", "late"]);
  expect(env.endTurn()).toBe(false);
});

test("TurnEnd can be ended at once; the call that was scheduled then finds nothing to do", () => {
  const { env, subject, told, turn } = stage();
  turn.add(subject("a"));
  turn.run();
  expect(told).toEqual(["a"]);
  env.endTurn();
  expect(told).toEqual(["a"]);
  turn.add(subject("b"));
  env.endTurn();
  expect(told).toEqual(["a", "b"]);
});

test("TurnEnd gives the others their turn when one throws, and reports the error", () => {
  const { env, failures, subject, told, turn } = stage();
  const bug = new Error("a bug");
  turn.add(subject("a"));
  turn.add(
    subject("b", () => {
      throw bug;
    }),
  );
  turn.add(subject("c"));
  env.endTurn();
  expect(told).toEqual(["a", "b", "c"]);
  expect(failures).toEqual([bug]);
});
