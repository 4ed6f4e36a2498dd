import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts", "tools/**/*.test.ts", "examples/**/*.test.ts"],
    exclude: ["test/interop/**", "node_modules/**"],
    testTimeout: 20_000,
    pool: "threads",
    isolate: true,
  },
});
