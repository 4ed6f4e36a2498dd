import { afterAll, expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { MetricsRegistry } from "../../src/telemetry/registry.ts";
import { hpackOperations } from "./hpack.ts";
import { bytesPerCall } from "./measure.ts";
import { operations } from "./operations.ts";
import { overloadOperations } from "./overload.ts";

const registry = new MetricsRegistry(new ManualEnv());
afterAll(() => registry[Symbol.dispose]());

/** The compiler takes its time, more so on a busy machine: what must be reached is nothing, not nothing at once. */
const MOST_ROUNDS = 60;

test.each([...operations(registry), ...overloadOperations(registry), ...hpackOperations()])(
  "$name allocates nothing once compiled",
  ({ run }) => {
    let bytes = Number.POSITIVE_INFINITY;
    for (let round = 0; round < MOST_ROUNDS && bytes >= 1; round++) {
      run(100_000);
      bytes = bytesPerCall(run);
    }
    expect(bytes).toBeLessThan(1);
  },
);
