import { expect, test } from "vitest";
import type { Category, Route } from "./routes.ts";
import { Security, type SecurityRules } from "./security.ts";

const OPEN: SecurityRules = {
  uiEnabled: true,
  controlEnabled: true,
  diagnosticsEnabled: true,
  pathWhitelist: [],
  pathBlacklist: [],
};

function security(rules: Partial<SecurityRules>, slow: string[] = []): Security {
  return new Security({ ...OPEN, ...rules }, (pattern) => void slow.push(pattern));
}

const KEYS = { ui: "uiEnabled", control: "controlEnabled", diagnostics: "diagnosticsEnabled" } as const;
const CATEGORIES: readonly Category[] = ["ui", "control", "diagnostics"];

/** enabled, on the whitelist, on the blacklist → served (linkerd1 §7.5). */
const TRUTH = [
  [true, false, false, true],
  [true, false, true, false],
  [true, true, false, true],
  [true, true, true, false],
  [false, false, false, false],
  [false, false, true, false],
  [false, true, false, true],
  [false, true, true, true],
] as const;

test.for(CATEGORIES.flatMap((category) => TRUTH.map((row) => [category, ...row] as const)))(
  "%s enabled %s, whitelisted %s, blacklisted %s: served %s",
  ([category, enabled, whitelisted, blacklisted, served]) => {
    const rules = {
      [KEYS[category]]: enabled,
      pathWhitelist: ["/other", ...(whitelisted ? ["/pa.*"] : [])],
      pathBlacklist: ["/other", ...(blacklisted ? [".*th"] : [])],
    };
    expect(security(rules).allows(category, "/path")).toBe(served);
  },
);

test("A category that is disabled says nothing about the others", () => {
  for (const off of CATEGORIES) {
    const rules = security({ [KEYS[off]]: false });
    expect(CATEGORIES.filter((category) => rules.allows(category, "/path"))).toEqual(
      CATEGORIES.filter((category) => category !== off),
    );
  }
});

test("No spelling of a path evades the blacklist, and only what is meant is on the whitelist", () => {
  const denying = security({ pathBlacklist: ["/state/io\\.l5d\\.fs", "/state/a%20b"] });
  for (const path of ["/state/io.l5d.fs", "/state/io%2El5d%2efs", "/state/a%20b"]) {
    expect(denying.allows("ui", path)).toBe(false);
  }
  expect(denying.allows("ui", "/state/%")).toBe(true);
  const allowing = security({ uiEnabled: false, pathWhitelist: ["/state/[^/]*"] });
  expect(allowing.allows("ui", "/state/io%2El5d%2efs")).toBe(true);
  expect(allowing.allows("ui", "/state/a%2Fb")).toBe(false);
});

test("A pattern that takes too long denies, on either list", () => {
  const slow: string[] = [];
  const path = `/${"a".repeat(60)}!`;
  const pattern = "/(a+)+";
  expect(security({ pathBlacklist: [pattern] }, slow).allows("ui", path)).toBe(false);
  expect(security({ uiEnabled: false, pathWhitelist: [pattern] }, slow).allows("ui", path)).toBe(false);
  expect(slow).toEqual([pattern, pattern]);
});

test("An endpoint keeps the methods whose category is served", () => {
  const answer = () => ({ status: 200, headers: {}, body: "" });
  const route: Route = { path: "/l", doc: "L.", category: "ui", postCategory: "control", get: answer, post: answer };
  const methods = (rules: Partial<SecurityRules>) => {
    const served = security(rules).at(route, "/l");
    return served === undefined ? "none" : [served.get && "get", served.post && "post"].join(" ").trim();
  };
  expect(methods({})).toBe("get post");
  expect(methods({ controlEnabled: false })).toBe("get");
  expect(methods({ uiEnabled: false })).toBe("post");
  expect(methods({ uiEnabled: false, controlEnabled: false })).toBe("none");
  expect(methods({ uiEnabled: false, controlEnabled: false, pathWhitelist: ["/l"] })).toBe("get post");
});
