// node bench/micro/numeric.bench.ts: what counting, timing, balancing and budgets cost per call.
import { systemEnv } from "../../src/base/env.ts";
import { MetricsRegistry } from "../../src/telemetry/registry.ts";
import { measure } from "./measure.ts";
import { operations } from "./operations.ts";

const registry = new MetricsRegistry(systemEnv());
for (const { name, run } of operations(registry)) measure(name, run);
registry[Symbol.dispose]();
