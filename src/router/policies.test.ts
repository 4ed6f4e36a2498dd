import { expect, test } from "vitest";
import { type Policies, mergePolicies } from "./policies.ts";

interface Policy {
  readonly balancer: { readonly kind: string; readonly effort?: number };
  readonly timeoutMs?: number;
}

const policies: Policies<Policy> = {
  defaults: { balancer: { kind: "p2c", effort: 5 } },
  entries: [
    { prefix: "/", params: { timeoutMs: 100 } },
    { prefix: "/a", params: { balancer: { kind: "ewma" } } },
    { prefix: "/a/b", params: { timeoutMs: 200 } },
  ],
};

function policyFor(name: string): Policy {
  return mergePolicies(policies, (prefix) => prefix === "/" || `${name}/`.startsWith(`${prefix}/`));
}

test("every matching entry applies, later ones over earlier ones", () => {
  expect(policyFor("/a/b/c")).toEqual({ balancer: { kind: "ewma" }, timeoutMs: 200 });
  expect(policyFor("/a")).toEqual({ balancer: { kind: "ewma" }, timeoutMs: 100 });
  expect(policyFor("/x")).toEqual({ balancer: { kind: "p2c", effort: 5 }, timeoutMs: 100 });
});

test("an entry without a prefix holds for every name", () => {
  const global: Policies<Policy> = { ...policies, entries: [{ prefix: null, params: { timeoutMs: 7 } }] };
  expect(mergePolicies(global, () => false)).toEqual({ balancer: { kind: "p2c", effort: 5 }, timeoutMs: 7 });
});

test("without a matching entry the defaults hold, and stay as they are", () => {
  expect(mergePolicies(policies, () => false)).toEqual({ balancer: { kind: "p2c", effort: 5 } });
  policyFor("/a/b");
  expect(policies.defaults).toEqual({ balancer: { kind: "p2c", effort: 5 } });
});
