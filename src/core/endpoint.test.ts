import { describe, expect, test } from "vitest";
import { boundTo } from "../../test/support/fake-discovery.ts";
import { type AddressState, type EndpointAddress, endpointKey, mergeAddresses, sameBound } from "./endpoint.ts";
import { pathFrom } from "./path.ts";

function address(host: string, weight = 1): EndpointAddress {
  return { host, port: 80, weight, meta: {} };
}

const bound = (...addresses: EndpointAddress[]): AddressState => ({ at: "bound", addresses });
const pending: AddressState = { at: "pending" };
const neg: AddressState = { at: "neg" };
const failed: AddressState = { at: "failed", message: "down" };

test("an endpoint is known by its address and port, IPv6 in brackets", () => {
  expect(endpointKey(address("10.0.0.1"))).toBe("10.0.0.1:80");
  expect(endpointKey(address("::1"))).toBe("[::1]:80");
});

test.each<[string, AddressState[], AddressState]>([
  [
    "bound if any is",
    [neg, failed, pending, bound(address("a")), bound(address("b"))],
    bound(address("a"), address("b")),
  ],
  ["neg if all are", [neg, neg], neg],
  ["failed if any is, and none is bound", [neg, pending, failed], failed],
  ["pending otherwise", [neg, pending], pending],
  ["bound to nothing if there are none", [], bound()],
  [
    "bound to each endpoint once, as it is said last",
    [bound(address("a"), address("b")), bound(address("a", 2))],
    bound(address("a", 2), address("b")),
  ],
])("merged addresses are %s", (_, states, merged) => {
  expect(mergeAddresses(states)).toEqual(merged);
});

describe("bound names", () => {
  test("are the same by id and residual, whatever their addresses", () => {
    expect(sameBound(boundTo("/#/fs/a", "/x"), boundTo("/#/fs/a", "/x"))).toBe(true);
    expect(sameBound(boundTo("/#/fs/a", "/x"), boundTo("/#/fs/a"))).toBe(false);
    expect(sameBound(boundTo("/#/fs/a"), boundTo("/#/fs/b"))).toBe(false);
  });

  test("with and without endpoints are never the same", () => {
    const [id, residual] = [pathFrom("/#/fs/a"), pathFrom("/")];
    expect(sameBound(boundTo("/#/fs/a"), { kind: "canned", id, residual, canned: { status: 503 } })).toBe(false);
  });
});
