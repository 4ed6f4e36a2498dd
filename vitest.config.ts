import { defineConfig } from "vitest/config";

export default defineConfig({
  // As src/app/plugins.ts has it for plug-ins outside of tests.
  resolve: { alias: { "fairlead/plugin": new URL("src/plugin/index.ts", import.meta.url).pathname } },
  test: {
    include: ["{src,test,bench,tools,examples}/**/*.test.ts"],
    exclude: ["test/interop/**", "node_modules/**"],
    pool: "threads",
    isolate: true,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // A spy or a changed environment never outlives its test.
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
  },
});
