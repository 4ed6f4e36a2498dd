// node bench/micro/numeric.bench.ts: what counting, timing, balancing, budgets and admission cost per call.
import { systemEnv } from "../../src/base/env.ts";
import { MetricsRegistry } from "../../src/telemetry/registry.ts";
import { measure } from "./measure.ts";
import { operations } from "./operations.ts";
import { overloadOperations } from "./overload.ts";

const registry = new MetricsRegistry(systemEnv());
for (const { name, run } of [...operations(registry), ...overloadOperations(registry)]) measure(name, run);
registry[Symbol.dispose]();
