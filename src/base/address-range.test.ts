import { expect, test } from "vitest";
import { addressBits, AddressRange } from "./address-range.ts";

function holds(range: string, address: string): boolean | null {
  const parsed = AddressRange.parse(range);
  const bits = addressBits(address);
  return parsed === null || bits === null ? null : parsed.holds(bits);
}

test.for([
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.3", "10.1.2.4", false],
  ["0.0.0.0/0", "203.0.113.9", true],
  ["0.0.0.0/0", "::1", false],
  ["::/0", "203.0.113.9", true],
  ["192.168.0.0/16", "::ffff:192.168.7.7", true],
  ["::ffff:192.168.0.0/112", "192.168.7.7", true],
  ["::1", "0:0:0:0:0:0:0:1", true],
  ["fd00::/8", "fdab:cdef::1", true],
  ["fd00::/8", "fe80::1", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["2001:db8::/127", "2001:db8::1", true],
  ["2001:db8::/127", "2001:db8::2", false],
] as const)("of %s and %s: held %s", ([range, address, held]) => {
  expect(holds(range, address)).toBe(held);
});

test.for([
  "",
  "*",
  "localhost",
  "10.0.0",
  "10.0.0.0/33",
  "10.0.0.0/",
  "10.0.0.0/08",
  "10.0.0.0/8/8",
  "::/129",
  "/8",
  "::1/x",
])("%j is no range", (text) => {
  expect(AddressRange.parse(text)).toBeNull();
});

test("What is no address has no bits", () => {
  expect(["", "?", "unix", "1.2.3", "::g"].map(addressBits)).toEqual([null, null, null, null, null]);
});
