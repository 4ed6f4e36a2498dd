import { expect, test } from "vitest";
import type { Figure } from "./bench.ts";
import { type MeasuredRow, replaceBetween, table, verdictOf } from "./report.ts";

const ratio = (median: number, target = { must: 1.3, moonshot: 1 }): Figure => ({
  measure: "CPU per request",
  proxy: "fairlead",
  over: "nginx",
  unit: "×",
  median,
  min: median - 0.02,
  max: median + 0.02,
  target,
});

const row = (name: string, ...figures: Figure[]): MeasuredRow => ({ name, says: name, figures, raw: [], notes: [] });

test("verdictOf tells a miss, a figure behind its peer, a met must and a moonshot apart", () => {
  expect(verdictOf(ratio(1.31))).toBe("missed");
  expect(verdictOf(ratio(1.2))).toBe("behind");
  expect(verdictOf(ratio(1.03))).toBe("met");
  expect(verdictOf(ratio(0.99))).toBe("moonshot");
});

test("verdictOf takes a figure that could not be measured for a miss", () => {
  expect(verdictOf(ratio(NaN))).toBe("missed");
});

test("table prints losing rows first, whatever the order of measuring", () => {
  const text = table([
    row("good", ratio(0.9)),
    row("fair", ratio(1.02)),
    row("lost", ratio(1.5)),
    row("behind", ratio(1.2)),
  ]);
  const order = [...text.matchAll(/^\| (.) \| (\w+)/gm)].map((match) => `${match[1]} ${match[2]}`);
  expect(order).toEqual(["✗ lost", "▽ behind", "✓ fair", "★ good"]);
});

test("table shows the ratio with its range, and the targets beside it", () => {
  const line = table([row("h1", ratio(1.07))]).split("\n")[2];
  expect(line).toContain("1.07 [1.05–1.09]");
  expect(line).toContain("≤ 1.3");
  expect(line).toContain("≤ 1 |");
});

test("table puts each proxy's own figure into its column", () => {
  const own = (proxy: string, median: number): Figure => ({ measure: "CPU per request", proxy, unit: "µs", median });
  const text = table([row("h1", own("nginx", 10.5), own("haproxy", 11.4), own("fairlead", 11.3))]);
  expect(text.split("\n")[0]).toContain("| nginx | HAProxy | fairlead |");
  expect(text.split("\n")[2]).toContain("| 10.5 µs | 11.4 µs | 11.3 µs |");
});

test("table has a column of ratios for each peer that appears, and leaves peers against themselves out", () => {
  const over = (peer: string): Figure => ({ ...ratio(0.4), over: peer });
  const text = table([row("nghttpx-nghttpx", ratio(1)), row("h2", over("nghttpx"), over("haproxy"))]);
  expect(text.split("\n")[0]).toContain("| ÷ nghttpx | ÷ HAProxy |");
  expect(text).not.toContain("÷ nginx");
  expect(text).not.toContain("nghttpx-nghttpx");
});

test("table has columns for Envoy where it was measured", () => {
  const own: Figure = { measure: "CPU per request", proxy: "envoy", unit: "µs", median: 40 };
  const [headings, , line] = table([
    row("h2", own, { ...own, proxy: "fairlead", median: 20 }, { ...ratio(0.5), over: "envoy" }),
  ]).split("\n");
  expect(headings).toContain("| Envoy | fairlead | ÷ Envoy |");
  expect(line).toContain("| 40.0 µs | 20.0 µs | 0.50 [0.48–0.52] |");
});

test("replaceBetween replaces what stands between the markers and nothing else", () => {
  expect(replaceBetween("a <b> old <e> z", "<b>", "<e>", "new")).toBe("a <b>\nnew\n<e> z");
});

test("replaceBetween refuses a text without markers", () => {
  expect(() => replaceBetween("no markers", "<b>", "<e>", "new")).toThrow("no <b>");
});
