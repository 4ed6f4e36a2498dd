import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../../test/support/request-head.ts";
import { Exchange } from "../../../core/exchange.ts";
import type { MessageHead } from "../../../core/message-head.ts";
import { parsePath, Path } from "../../../core/path.ts";
import { HostIdentifier } from "./host.ts";

function named(request: MessageHead, prefix = "/svc"): string | null {
  const identifier = new HostIdentifier(prefix);
  const ex = new Exchange();
  ex.request = request;
  const key = identifier.key(ex);
  return key === null ? null : identifier.path(key);
}

test.each([
  ["users", "/svc/users"],
  ["Users", "/svc/users"],
  ["users:8080", "/svc/users/8080"],
  ["USERS.example.COM:80", "/svc/users.example.com/80"],
  ["users.", "/svc/users"],
  ["users.:80", "/svc/users/80"],
  ["users:", "/svc/users"],
  ["127.0.0.1:9001", "/svc/127.0.0.1/9001"],
  ["[::1]:80", "/svc/::1/80"],
  ["[FE80::1]", "/svc/fe80::1"],
  [".", "/svc/."],
  [":80", "/svc/:80"],
  ["a/b", "/svc/\\x61\\x2f\\x62"],
])("HostIdentifier names requests for %j", (host, name) => {
  expect(named(new PlainHttp2Request("GET", "/", host))).toBe(name);
  expect(parsePath(name)).toBeInstanceOf(Path);
});

test("HostIdentifier reads Host and absolute targets of HTTP/1, and names nothing without a host", () => {
  expect(named(requestHead("GET / HTTP/1.1\r\nHost: Web:1\r\n\r\n"), "")).toBe("/web/1");
  expect(named(new PlainHttp2Request("GET", "/", ""))).toBeNull();
});
