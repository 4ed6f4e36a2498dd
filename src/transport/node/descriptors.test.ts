import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { Log } from "../../telemetry/log.ts";
import { Descriptors, systemDescriptors } from "./descriptors.ts";

function counted(limit: number, others = 0) {
  const env = new ManualEnv();
  const lines: string[] = [];
  const logger = new Log(env.clock, (line) => void lines.push(line)).logger("transport");
  return { descriptors: new Descriptors(limit, others, env.clock, logger), env, lines, logger };
}

const lacking = (code: string) => Object.assign(new Error(code), { code });

test("Callers are turned away when a quarter of what is for connections is left", () => {
  const { descriptors } = counted(152, 20);
  descriptors.sockets = 74;
  expect(descriptors.admits()).toBe(true);
  descriptors.sockets = 75;
  expect(descriptors.admits()).toBe(false);
  expect(descriptors.turnedAway).toBe(1);
  for (let i = 0; i < 4; i++) descriptors.keep();
  descriptors.sockets = 72;
  expect(descriptors.admits()).toBe(false);
  descriptors.sockets = 71;
  expect(descriptors.admits()).toBe(true);
});

test("No more than a thousand are kept from callers", () => {
  const { descriptors } = counted(20_052, 20);
  descriptors.sockets = 18_999;
  expect(descriptors.admits()).toBe(true);
  descriptors.sockets = 19_000;
  expect(descriptors.admits()).toBe(false);
});

test("A limit that is not known turns nobody away, and one that is very low not everybody", () => {
  const { descriptors } = counted(Number.POSITIVE_INFINITY);
  descriptors.sockets = 1e9;
  expect(descriptors.admits()).toBe(true);
  const low = counted(20, 40).descriptors;
  low.sockets = 15;
  expect(low.admits()).toBe(true);
});

test("Only errors for want of something of our own are failures of descriptors", () => {
  const { descriptors } = counted(100);
  expect(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"].map((code) => descriptors.failed(lacking(code)))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(["ECONNREFUSED", "EADDRNOTAVAIL"].map((code) => descriptors.failed(lacking(code)))).toEqual([false, false]);
  expect(descriptors.failed(new Error("EMFILE"))).toBe(false);
  expect(descriptors.failures).toBe(4);
});

test("It is told once a minute, not once per connection", () => {
  const { descriptors, env, lines } = counted(100);
  descriptors.sockets = 90;
  for (let i = 0; i < 1_000; i++) descriptors.admits();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("of the 100 that this process may have: 90 connections are open");
  env.advance(59_000);
  descriptors.failed(lacking("EMFILE"));
  expect(lines).toHaveLength(1);
  env.advance(1_000);
  descriptors.admits();
  expect(lines[1]).toContain("1001 callers were turned away and 1 connections failed");
});

test.skipIf(process.platform !== "linux")("The limit is the one of this process", () => {
  const { env, logger } = counted(0);
  const { limit } = systemDescriptors(env.clock, logger);
  expect(limit).toBe(Number(execFileSync("/bin/sh", ["-c", "ulimit -n"], { encoding: "utf8" })));
});
