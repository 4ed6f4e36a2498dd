import { expect, test } from "vitest";
import { Problems, pathText, problemsToJson, quote, renderProblems } from "./problems.ts";
import { Source } from "./source.ts";

function problemsOf(text: string): Problems {
  return new Problems(new Source("linkerd.yaml", text));
}

test("a problem names file, line, column, key, what is wrong and what to write, and marks the place", () => {
  const problems = problemsOf("routers:\n- port: http\n");
  problems.error({ start: 17, end: 21 }, ["routers", 0, "port"], "expected a number", "write 4140");
  expect(renderProblems(problems.sorted())).toBe(
    [
      "linkerd.yaml:2:9: error: routers[0].port: expected a number; write 4140",
      "    2 | - port: http",
      "      |         ^^^^",
      "",
    ].join("\n"),
  );
});

test("problems come in the order of their places, warnings among errors", () => {
  const problems = problemsOf("a\nb\nc");
  problems.error({ start: 4, end: 5 }, ["c"], "third", "");
  problems.warning({ start: 0, end: 1 }, ["a"], "first", "");
  problems.error({ start: 2, end: 3 }, ["b"], "second", "");
  expect(problems.sorted().map((problem) => [problem.message, problem.severity])).toEqual([
    ["first", "warning"],
    ["second", "error"],
    ["third", "error"],
  ]);
});

test("warnings alone are no errors", () => {
  const problems = problemsOf("a");
  problems.warning({ start: 0, end: 1 }, [], "mind", "");
  expect(problems.hasErrors).toBe(false);
  problems.error({ start: 0, end: 1 }, [], "wrong", "");
  expect(problems.hasErrors).toBe(true);
});

test("the marked place stays in view in a long line, and under its text after a tab", () => {
  const problems = problemsOf(`${"x".repeat(300)}HERE${"y".repeat(300)}\n\ta: b`);
  problems.error({ start: 300, end: 304 }, [], "long", "");
  problems.error({ start: 609, end: 610 }, [], "tab", "");
  const marked = problems
    .sorted()
    .map(({ excerpt }) => excerpt.text.slice(excerpt.before, excerpt.before + excerpt.marked));
  expect(marked).toEqual(["HERE", "b"]);
  expect(problems.sorted()[0]?.excerpt.text.length).toBeLessThanOrEqual(120);
});

test("control characters of a file never reach the terminal", () => {
  const problems = problemsOf("a: \u001b[31mred\u0007");
  problems.error({ start: 3, end: 4 }, ["\u001b[2J"], `odd ${quote("\u001b[31m")}`, "");
  expect(renderProblems(problems.sorted())).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
});

test("a flood of problems is counted, not kept", () => {
  const problems = problemsOf("x".repeat(3000));
  for (let at = 0; at < 2500; at++) problems.error({ start: at, end: at + 1 }, [], "wrong", "");
  const sorted = problems.sorted();
  expect(sorted.length).toBe(1001);
  expect(sorted.at(-1)?.message).toBe("1500 more problems are not shown");
});

test("key paths read as in the file, odd keys in quotes", () => {
  expect(pathText(["routers", 0, "servers", 12, "port"])).toBe("routers[0].servers[12].port");
  expect(pathText(["a b", "c"])).toBe('["a b"].c');
  expect(pathText([])).toBe("");
});

test("the JSON form has everything but the excerpt", () => {
  const problems = problemsOf("abc");
  problems.error({ start: 1, end: 2 }, ["k"], "wrong", "mend it");
  expect(problemsToJson(problems.sorted())).toEqual([
    { severity: "error", file: "linkerd.yaml", line: 1, column: 2, path: "k", message: "wrong", advice: "mend it" },
  ]);
});
