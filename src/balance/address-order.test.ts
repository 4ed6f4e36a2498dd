import fc from "fast-check";
import { expect, test } from "vitest";
import { hostHash, inAddressOrder, portHash, vectorHash } from "./address-order.ts";

const keyed = (...keys: string[]) => keys.map((key) => ({ key }));

test.each([
  ["10.0.0.1", -1_030_729_860],
  ["10.0.0.2", 229_305_187],
  ["10.0.0.3", -2_117_638_221],
  ["127.0.0.1", 2_105_553_351],
  ["192.168.1.10", 23_064_628],
])("The hash of host %s is Finagle's", (host, hash) => {
  expect(hostHash(host)).toBe(hash);
});

test.each([
  [80, -1_052_577_137],
  [8080, 1_943_806_954],
  [9990, 169_739_179],
  [65_535, 1_599_755_167],
])("The hash of port %i is Finagle's", (port, hash) => {
  expect(portHash(port)).toBe(hash);
});

test("The hash over endpoints in order is Finagle's, and does not look at ports", () => {
  expect(vectorHash([])).toBe(-1_579_025_880);
  expect(vectorHash(keyed("10.0.0.1:80", "10.0.0.2:81", "10.0.0.3:80"))).toBe(-667_095_602);
});

test("Endpoints are ordered by signed hashes of their hosts, then of their ports", () => {
  expect(inAddressOrder(keyed("10.0.0.1:80", "10.0.0.2:8080", "10.0.0.2:9990", "10.0.0.2:80", "10.0.0.3:80"))).toEqual(
    keyed("10.0.0.3:80", "10.0.0.1:80", "10.0.0.2:80", "10.0.0.2:9990", "10.0.0.2:8080"),
  );
});

test("One IPv6 address has one hash however it is written", () => {
  const loopback = hostHash("::1");
  for (const written of ["0:0:0:0:0:0:0:1", "0::1", "::0001", "::0.0.0.1"]) expect(hostHash(written)).toBe(loopback);
  expect(hostHash("fe80::1%eth0")).toBe(hostHash("FE80::1"));
  expect(hostHash("::ffff:10.0.0.1")).toBe(hostHash("10.0.0.1"));
  expect(hostHash("::ffff:a00:1")).toBe(hostHash("10.0.0.1"));
  expect(hostHash("::")).not.toBe(loopback);
});

test("Names and IPv6 endpoints have their place in the order too", () => {
  expect(inAddressOrder(keyed("[::1]:80", "web.example:80", "10.0.0.1:80")).map(({ key }) => key)).toHaveLength(3);
});

test("The order does not depend on the order endpoints are given in", () => {
  const key = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([ip, port]) => `${ip}:${port}`);
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 20 }), fc.integer(), (keys, turn) => {
      const at = keys.length === 0 ? 0 : Math.abs(turn) % keys.length;
      const turned = [...keys.slice(at), ...keys.slice(0, at)].toReversed();
      expect(inAddressOrder(keyed(...turned))).toEqual(inAddressOrder(keyed(...keys)));
    }),
  );
});

test("Unix sockets have an order of their own among others, by their paths", () => {
  const keys = ["unix:/run/b", "10.0.0.1:80", "unix:/run/a", "10.0.0.2:80", "unix:/run/c:80"];
  const ordered = inAddressOrder(keyed(...keys)).map(({ key }) => key);
  expect([...ordered].sort()).toEqual([...keys].sort());
  expect(inAddressOrder(keyed(...keys.toReversed())).map(({ key }) => key)).toEqual(ordered);
  expect(vectorHash(keyed("unix:/run/a"))).not.toBe(vectorHash(keyed("unix:/run/b")));
});
