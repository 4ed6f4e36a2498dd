import { expect, test } from "vitest";
import { DRAWS, wants } from "./sampling.ts";

const [UNDECIDED, AGAINST, SAMPLED, DEBUG] = [0, 2, 6, 1];
const LOW = DRAWS * 0.1;
const HIGH = DRAWS * 0.9;

/** Whether each of the four is wanted, with a low draw and with a high one. */
function table(sampler: { decides: boolean; ofAll: boolean }): string[] {
  return [UNDECIDED, AGAINST, SAMPLED, DEBUG].map((flags) =>
    [LOW, HIGH].map((draw) => (wants({ rate: 0.5, ...sampler }, flags, draw) ? "yes" : "no")).join(" "),
  );
}

test("Who decides wants what is decided for, and nothing else", () => {
  expect(table({ decides: true, ofAll: false })).toEqual(["no no", "no no", "yes yes", "yes yes"]);
});

test("Who does not decide wants a share of what is undecided", () => {
  expect(table({ decides: false, ofAll: false })).toEqual(["yes no", "no no", "yes yes", "yes yes"]);
});

test("A share of all is one of what was decided against, too", () => {
  expect(table({ decides: false, ofAll: true })).toEqual(["yes no", "yes no", "yes yes", "yes yes"]);
});

test("A rate of 1 wants all, one of 0 nothing that is not sampled", () => {
  const all = { rate: 1, decides: false, ofAll: true };
  expect([wants(all, 0, DRAWS - 1), wants({ ...all, rate: 0 }, 0, 0)]).toEqual([true, false]);
});
