import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { GOLDEN, pluginApi } from "./plugin-api.ts";

test("What fairlead/plugin declares is what plug-ins were written against; a change is written down with npm run api", () => {
  expect(pluginApi()).toBe(readFileSync(GOLDEN, "utf8"));
}, 60_000);
