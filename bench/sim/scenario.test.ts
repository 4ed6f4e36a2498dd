import { expect, test } from "vitest";
import { allScenarios, allSeeds, parseScenario } from "./scenario.ts";

test("All scenarios of the folder are well-formed", async () => {
  const scenarios = await allScenarios();
  expect(scenarios.map(({ name }) => name)).toContain("one-slow");
  expect(scenarios.length).toBeGreaterThanOrEqual(8);
});

test("There are ten different seeds", () => {
  expect(new Set(allSeeds()).size).toBe(10);
});

const whole = {
  title: "T",
  doc: "D.",
  expected: "E.",
  durationMs: 1000,
  clients: 1,
  requestsPerSec: 10,
  timeoutMs: 100,
  instances: { count: 2, workers: 1 },
  service: { kind: "exponential", meanMs: 5 },
};

test("A scenario with a misspelt key is refused with the place and a proposal", async () => {
  const body = JSON.stringify({ ...whole, cleints: 3 }, null, 2);
  await expect(parseScenario("x", "x.json", body)).rejects.toThrow(
    'x.json:17:3: error: cleints: unknown key "cleints"; did you mean "clients"?',
  );
});

test("A scenario whose fault concerns an instance that is not there is refused", async () => {
  const body = JSON.stringify({ ...whole, faults: [{ kind: "refuses", first: 1, count: 2 }] });
  await expect(parseScenario("x", "x.json", body)).rejects.toThrow(
    'x.json: "refuses" concerns instance 2, and there are 2 from 0',
  );
});
