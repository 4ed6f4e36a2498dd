import { expect, test } from "vitest";
import type { LocalRequest } from "../protocols/http1/local-answer.ts";
import { Guard, machineAddresses } from "./guard.ts";

function request(host: string | undefined, origin?: string, minor = 1): LocalRequest {
  const fields: Readonly<Record<string, string | undefined>> = { host, origin };
  return {
    method: "GET",
    target: "/",
    minor,
    head: () => "",
    header: (name) => fields[name],
    body: () => Promise.resolve(Buffer.alloc(0)),
  };
}

const loopback = new Guard("127.0.0.1", () => ["127.0.0.1", "10.1.2.3", "fe80::1"]);

test.for([
  "localhost",
  "localhost:9990",
  "LOCALHOST.:19990",
  "127.0.0.1:9990",
  "127.8.8.8",
  "10.1.2.3:9990",
  "[::1]:9990",
  "[0:0:0:0:0:0:0:1]",
  "[fe80::1]:9990",
  "[::ffff:10.1.2.3]",
])("Host %s is ours", (host) => {
  expect(() => loopback.check(request(host))).not.toThrow();
});

test.for([
  "evil.example",
  "localhost.evil.example",
  "10.1.2.4",
  "[fe80::2]",
  "127.0.0.1.evil.example",
  "",
  ":9990",
  "a b",
  "[::1",
  "::1",
])("Host %s is refused", (host) => {
  expect(() => loopback.check(request(host))).toThrow(
    expect.objectContaining({
      status: 403,
      message: `requests for Host "${host}" are refused: use localhost or an address of this machine`,
    }),
  );
});

test("Without Host, HTTP/1.1 is refused and HTTP/1.0 is not", () => {
  expect(() => loopback.check(request(undefined))).toThrow(expect.objectContaining({ status: 400 }));
  expect(() => loopback.check(request(undefined, undefined, 0))).not.toThrow();
});

test("Listening everywhere, any address is ours but no name", () => {
  for (const any of ["0.0.0.0", "::"]) {
    const guard = new Guard(any, () => []);
    expect(() => guard.check(request("172.17.0.9:9990"))).not.toThrow();
    expect(() => guard.check(request("[2001:db8::9]"))).not.toThrow();
    expect(() => guard.check(request("evil.example"))).toThrow("refused");
  }
});

test("The address listened on is ours whatever the machine says", () => {
  const guard = new Guard("2001:DB8:0::5", () => []);
  expect(() => guard.check(request("[2001:db8::5]:9990"))).not.toThrow();
});

test.for([
  ["http://localhost:9990", "localhost:9990"],
  ["http://localhost", "localhost"],
  ["http://localhost", "localhost:80"],
  ["https://localhost", "localhost:443"],
  ["http://[::1]:9990", "[::1]:9990"],
] as const)("Origin %s is the same site as Host %s", ([origin, host]) => {
  expect(() => loopback.check(request(host, origin))).not.toThrow();
});

test.for([
  ["http://evil.example", "localhost:9990"],
  ["http://localhost:3000", "localhost:9990"],
  ["http://127.0.0.1:9990", "localhost:9990"],
  ["null", "localhost:9990"],
  ["", "localhost:9990"],
  ["file://localhost:9990", "localhost:9990"],
  ["chrome-extension://abc", "localhost:9990"],
] as const)("Origin %s is foreign to Host %s", ([origin, host]) => {
  expect(() => loopback.check(request(host, origin))).toThrow(
    expect.objectContaining({
      status: 403,
      message: `requests from the site "${origin}" are refused: only pages of this server itself may ask`,
    }),
  );
});

test("The addresses of this machine have at least the loopback", () => {
  expect(machineAddresses()).toContain("127.0.0.1");
});
