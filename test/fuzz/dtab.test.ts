// Delegation tables and names as text: no crash, no stall, errors that point into the text, and evaluation that ends.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Dtab } from "../../src/core/dtab.ts";
import { Path, parsePath } from "../../src/core/path.ts";
import { SyntaxProblem } from "../../src/core/syntax.ts";
import { isSettled } from "../../src/naming/delegation.ts";
import { dtabFrom, parseDtab, parseTree } from "../../src/naming/dtab-parser.ts";
import { Hosts } from "../../src/naming/hosts.ts";
import { Interpreter } from "../../src/naming/interpreter.ts";
import { NamerTable } from "../../src/naming/namer-table.ts";
import { utilityNamers } from "../../src/naming/utility-namers.ts";
import { anyDentry, anyDtab, anyTree, commonPath } from "../support/arbitrary-names.ts";
import { FakeResolver } from "../support/fake-discovery.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { ManualEnv } from "../support/manual-env.ts";

const STALL_MS = 1000;

const TOKENS = [
  "/svc",
  "/a/b",
  "/",
  "*",
  "/*/x",
  " => ",
  "=>",
  " | ",
  " & ",
  ";",
  "(",
  ")",
  "0.5*",
  "9 * ",
  "!",
  "~",
  "$",
  "/$/inet/1/2",
  "/$/io.buoyant.http.status/503",
  "/#/io.l5d.fs",
  "\\x2f",
  "\\",
  "#",
  "\n",
  "\t",
  "\0",
  "é",
  "\u{1f600}",
  "1e9*",
  ".",
];

const texts = fc.oneof(
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 40 }).map((tokens) => tokens.join("")),
  fc.string({ unit: "binary", maxLength: 100 }),
);

function withinTime<T>(run: () => T): T {
  const before = performance.now();
  const result = run();
  expect(performance.now() - before).toBeLessThan(STALL_MS);
  return result;
}

function pointsInto(text: string, result: unknown): void {
  if (!(result instanceof SyntaxProblem)) return;
  expect(result.offset).toBeGreaterThanOrEqual(0);
  expect(result.offset).toBeLessThanOrEqual(text.length);
  expect(result.message).not.toBe("");
}

test(
  "any text is a dtab, a tree or a path, or a problem with a place in it",
  () => {
    fc.assert(
      fc.property(texts, (text) => {
        const dtab = withinTime(() => parseDtab(text));
        pointsInto(text, dtab);
        if (dtab instanceof Dtab) expect(dtabFrom(dtab.show()).show()).toBe(dtab.show());
        pointsInto(
          text,
          withinTime(() => parseTree(text)),
        );
        const path = withinTime(() => parsePath(text));
        pointsInto(text, path);
        if (path instanceof Path) expect(parsePath(path.show())).toEqual(path);
      }),
      fuzzing(5000),
    );
  },
  fuzzLimitMs,
);

test("long repetitions are read without a stall", () => {
  fc.assert(
    fc.property(fc.constantFrom(...TOKENS), fc.constantFrom(...TOKENS), (one, other) => {
      const text = `${one}${other}`.repeat(10_000);
      withinTime(() => parseDtab(text));
      withinTime(() => parseTree(text));
      withinTime(() => parsePath(text));
    }),
    { numRuns: 200, seed: 1 },
  );
});

test(
  "any dtab, also one that leads round in circles, comes to an end for any name",
  () => {
    const table = new NamerTable([], utilityNamers(new Hosts(new ManualEnv(), new FakeResolver())));
    const interpreter = new Interpreter(table);
    const dtabs = anyDtab(anyDentry(fc.constantFrom("a", "b", "c"), anyTree(commonPath)), 8);
    fc.assert(
      fc.property(dtabs, dtabs, commonPath, (base, override, path) => {
        const delegation = withinTime(() => interpreter.delegate(base, override, path).sample());
        expect(isSettled(delegation)).toBe(true);
      }),
      fuzzing(500),
    );
  },
  fuzzLimitMs,
);
