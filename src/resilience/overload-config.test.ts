import { expect, expectTypeOf, test } from "vitest";
import { loadText, told } from "../../test/support/config.ts";
import { type Infer, object } from "../config/schema.ts";
import type { LimitSpec } from "./adaptive-limit.ts";
import type { HedgeSpec } from "./hedge-policy.ts";
import { concurrencyLimit, deadlines, hedge, maxRetries } from "./overload-config.ts";

const schema = object({ doc: "A file." }, { concurrencyLimit, deadlines, hedge, maxRetries });

test("without a word there are no limits, no second attempts, and deadlines are only counted", async () => {
  expect((await loadText("{}", schema)).config).toEqual({ concurrencyLimit: { kind: "none" }, deadlines: "report" });
});

test("what is configured is what the parts take", async () => {
  expectTypeOf<Infer<typeof concurrencyLimit>>().toExtend<LimitSpec>();
  expectTypeOf<Infer<typeof hedge>>().toExtend<HedgeSpec>();
  const { config } = await loadText("concurrencyLimit: { kind: fairlead.gradient }\nhedge: {}\nmaxRetries: 0", schema);
  expect(config).toMatchObject({
    concurrencyLimit: {
      kind: "fairlead.gradient",
      initialLimit: 20,
      minLimit: 4,
      maxLimit: 1000,
      tolerance: 1.5,
      smoothing: 0.2,
      windowMs: 100,
    },
    hedge: { maxExtraLoad: 0.01, minDelayMs: 1, methods: "idempotent" },
    maxRetries: 0,
  });
});

test.each([
  ["kind: fairlead.aimd", 'concurrencyLimit.latencyMs: "latencyMs" is missing'],
  [
    "kind: fairlead.gradient, minLimit: 30, maxLimit: 25",
    "concurrencyLimit.minLimit: minLimit 30 is larger than maxLimit 25; write at most 25",
  ],
  [
    "kind: fairlead.gradient, minLimit: 30",
    "concurrencyLimit.initialLimit: initialLimit 20 is not between minLimit and maxLimit; write a number from 30 to 1000",
  ],
  ["kind: fairlead.gradient, tolerance: 0.5", "expected a number from 1 to 10"],
])("a limit of %s is refused in words", async (body, words) => {
  const problems = told((await loadText(`concurrencyLimit: { ${body} }`, schema)).problems);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(words);
});
