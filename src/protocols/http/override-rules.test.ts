import { expect, test } from "vitest";
import { isCaller, OverrideRules } from "./override-rules.ts";

const RULES = new OverrideRules([
  { from: ["10.0.0.0/8", "::1"], names: ["/svc/users", "/svc/*/eu"] },
  { from: ["10.9.9.9"], names: ["*"] },
  { from: ["*"], names: ["/svc/open", "/svc/\\x61b"] },
]);

test.each([
  ["10.1.1.1:99", "/svc/users=>/a;/svc/users/x=>/b", ["/svc/users=>/a", "/svc/users/x=>/b"]],
  ["::1:99", "/svc/users=>/a", ["/svc/users=>/a"]],
  ["::ffff:10.1.1.1:99", "/svc/users=>/a", ["/svc/users=>/a"]],
  ["11.1.1.1:99", "/svc/users=>/a;/svc/open=>/b", ["/svc/open=>/b"]],
  // An entry for more names than the rule says.
  ["10.1.1.1:99", "/svc=>/a;/svc/*=>/b;/=>/c", []],
  ["10.1.1.1:99", "/svc/web/eu=>/a;/svc/*/eu/x=>/b;/svc/web/us=>/c", ["/svc/web/eu=>/a", "/svc/*/eu/x=>/b"]],
  ["10.1.1.1:99", "/svc/users2=>/a;/host/users=>/b", []],
  ["10.9.9.9:99", "/=>/a;/#/io.l5d.fs=>/b", ["/=>/a", "/#/io.l5d.fs=>/b"]],
  // The canonical text of `/svc/\x61b`.
  ["11.1.1.1:99", "/svc/ab=>/a", ["/svc/ab=>/a"]],
  // Who is no address comes under rules for everybody only.
  ["?:0", "/svc/users=>/a;/svc/open=>/b", ["/svc/open=>/b"]],
  ["", "/svc/users=>/a;/svc/open=>/b", ["/svc/open=>/b"]],
] as const)("From %s, %s: %j stand", (remote, written, kept) => {
  expect(RULES.allowed(written, remote)).toEqual(kept);
});

test("An empty list allows nothing", () => {
  expect(new OverrideRules([]).allowed("/a=>/b", "127.0.0.1:1")).toEqual([]);
});

test("Callers are addresses, ranges, or everybody", () => {
  expect(["*", "10.0.0.1", "10.0.0.0/8", "fd00::/8"].map(isCaller)).toEqual([true, true, true, true]);
  expect(["", "web", "10.0.0.0/40", "**"].map(isCaller)).toEqual([false, false, false, false]);
});
