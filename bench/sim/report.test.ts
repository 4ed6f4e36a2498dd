import { expect, test } from "vitest";
import { contenders } from "./balancers.ts";
import { combinations, runAll } from "./campaign.ts";
import { files, textReport } from "./report.ts";
import { parseScenario } from "./scenario.ts";
import { median } from "./summary.ts";

const scenario = await parseScenario(
  "small",
  "small.json",
  JSON.stringify({
    title: "Small & <short>",
    doc: "One of three fails.",
    expected: "E.",
    comparesPolicies: true,
    durationMs: 1500,
    clients: 2,
    requestsPerSec: 200,
    timeoutMs: 200,
    instances: { count: 3, workers: 2 },
    service: { kind: "bimodal", meanMs: 5, longMeanMs: 50, longShare: 0.1 },
    faults: [{ kind: "errors", count: 1, share: 0.5 }],
  }),
);

function results(seeds: readonly number[]) {
  const rows = runAll(combinations([scenario], contenders), seeds, () => undefined);
  return { scenarios: [scenario], balancers: contenders.map(({ name }) => name), seeds, rows };
}

test("The same seeds give the same bytes in every file", () => {
  expect(files(results([1, 2, 3]))).toEqual(files(results([1, 2, 3])));
});

test("The page names every balancer, every policy and every seed", () => {
  const page = files(results([4, 5])).get("docs/resilience/simulator.md")!;
  for (const { name } of contenders) expect(page).toContain(`| ${name} |`);
  for (const policy of ["bare", "accrual", "default", "retries", "storm"]) expect(page).toContain(`| ${policy} |`);
  expect(page).toContain("Seeds: 4, 5.");
});

test("Pictures are well-formed: no number is missing, and text is escaped", () => {
  const pictures = [...files(results([6]))].filter(([path]) => path.endsWith(".svg"));
  expect(pictures.length).toBe(4);
  for (const [, svg] of pictures) {
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg.match(/<g\b/g)?.length).toBe(svg.match(/<\/g>/g)?.length);
    expect(svg).toContain("prefers-color-scheme:dark");
  }
  expect(pictures[0]?.[1]).toContain("Small &amp; &lt;short>");
});

test("A terminal table has a line for each balancer", () => {
  const text = textReport(results([7]));
  for (const { name } of contenders) expect(text).toMatch(new RegExp(`^${name} +\\d`, "m"));
});

test("The median of an even number of values lies between the middle ones", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([1, Infinity, Infinity])).toBe(Infinity);
});
