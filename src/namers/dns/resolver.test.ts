import { expect, test } from "vitest";
import type { Resolution } from "../../core/resolver.ts";
import { systemResolver } from "./resolver.ts";

function resolve(host: string): Promise<Resolution> {
  return new Promise((done) => systemResolver().resolve(host, done));
}

test("the system resolver knows this machine", async () => {
  const resolution = await resolve("localhost");
  expect(resolution).toMatchObject({ at: "found" });
  expect(resolution.at === "found" && resolution.addresses).toContain("127.0.0.1");
});

test("the system resolver does not bother anybody with what is no host name", async () => {
  for (const host of ["a b", "a/b", "\0", "é", "a".repeat(254), ""])
    expect(await resolve(host)).toEqual({ at: "unknown" });
});
