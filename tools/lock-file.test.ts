import { expect, test } from "vitest";
import { restricted, unrestricted } from "./lock-file.ts";

const lock = {
  name: "a",
  packages: {
    "": { engines: { node: ">=24" } },
    "node_modules/b": { version: "1.0.0", engines: { node: ">=22" } },
    "node_modules/b-linux": { version: "1.0.0", optional: true, engines: { node: ">=22" }, os: ["linux"] },
    "node_modules/c-linux": { version: "1.0.0", optional: true },
  },
};

test("Only optional packages with engines hinder an older npm", () => {
  expect(restricted(lock.packages)).toEqual(["node_modules/b-linux"]);
});

test("Freeing the lock file touches nothing but their engines, and a second time changes nothing", () => {
  const text = unrestricted(JSON.stringify(lock));
  const expected = structuredClone(lock) as { packages: Record<string, { engines?: unknown }> };
  delete expected.packages["node_modules/b-linux"]?.engines;
  expect(JSON.parse(text)).toEqual(expected);
  expect(unrestricted(text)).toBe(text);
});
