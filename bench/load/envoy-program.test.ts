import { expect, test } from "vitest";
import { lastLine, releaseIn } from "./envoy-program.ts";

test("releaseIn finds the release in what Envoy says of its version", () => {
  const text = "/cache/envoy/_bin/envoy  version: 9e5580933739775e8bce/1.40.0/Clean/RELEASE/BoringSSL";
  expect(releaseIn(text)).toBe("1.40.0");
  expect(releaseIn("something else")).toBeUndefined();
});

test("lastLine keeps the line of an installer that names the reason", () => {
  expect(lastLine("WARNING: retrying\nERROR: No matching distribution found\n")).toBe(
    "ERROR: No matching distribution found",
  );
  expect(lastLine("")).toBe("");
});
