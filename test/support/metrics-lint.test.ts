import { expect, test } from "vitest";
import { readMetrics } from "./metrics-lint.ts";

const GOOD = `# HELP a_seconds A.
# TYPE a_seconds histogram
a_seconds_bucket{x="1",le="0.5"} 1
a_seconds_bucket{x="1",le="+Inf"} 2
a_seconds_sum{x="1"} 3
a_seconds_count{x="1"} 2
# HELP bees_total B.
# TYPE bees_total counter
bees_total 0
`;
const gauge = (name: string, samples = `${name} 1\n`) => `# HELP ${name} Words.\n# TYPE ${name} gauge\n${samples}`;

test("readMetrics has nothing to say of what is as it should be", () => {
  const { problems, samples } = readMetrics(GOOD, false);
  expect(problems).toEqual([]);
  expect(samples).toHaveLength(5);
});

test("readMetrics finds histograms that are none", () => {
  for (const [from, to] of [
    ['le="0.5"} 1', 'le="0.5"} 3'],
    ['a_seconds_count{x="1"} 2', 'a_seconds_count{x="1"} 1'],
    ['a_seconds_sum{x="1"} 3\n', ""],
    ['le="+Inf"', 'le="0.4"'],
  ] as const) {
    expect(readMetrics(GOOD.replace(from, to), false).problems).toEqual(['a_seconds{x="1"} is no histogram']);
  }
});

test("readMetrics finds bad names, bad lines, repetitions and families torn apart", () => {
  const problemsOf = (text: string, open = false) => readMetrics(text, open).problems;
  expect(problemsOf(gauge("wait_ms"))).toEqual(["wait_ms has an abbreviation in its name"]);
  expect(problemsOf(gauge("wait_milliseconds"))).toEqual(["wait_milliseconds is in no base unit"]);
  expect(problemsOf(gauge("wait_gauge"))).toEqual(["wait_gauge has a type in its name"]);
  expect(problemsOf(gauge("a:b"))).toEqual(["a:b has a character that does not belong there"]);
  expect(problemsOf(gauge("a_total"))).toEqual(["a_total ends in a word that is reserved"]);
  expect(problemsOf(GOOD.replaceAll("bees_total", "bees"))).toEqual([
    "bees has a sample of another name",
    "bees is a counter without _total",
  ]);
  expect(problemsOf(GOOD.replace("bees_total 0", "bees_total -1"))).toEqual(["bees_total is a counter below zero"]);
  expect(problemsOf(gauge("a", "a 1\na 2\n"))).toEqual(["a{} comes 2 times"]);
  expect(problemsOf(`${gauge("a")}${gauge("b")}${gauge("a")}`)).toContain("a is torn apart");
  for (const line of ['a{x="} 1', "a 1,0", 'a{x="1",x="2"} 1', 'a{x="\\q"} 1', "a", "a 0x1"]) {
    expect(problemsOf(gauge("a", `a{ok="1"} 1\n${line}\n`))).toEqual([`cannot be read: ${line}`]);
  }
  expect(problemsOf(gauge("a"), true)).toEqual(["there is no # EOF at the end"]);
  expect(problemsOf(`${gauge("a_bytes")}# EOF\n`, true)).toEqual(["a_bytes does not say its unit"]);
});
