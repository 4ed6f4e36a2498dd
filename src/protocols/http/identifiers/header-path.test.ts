import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../../test/support/request-head.ts";
import { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import type { MessageHead } from "../../../core/message-head.ts";
import { HeaderPathIdentifier } from "./header-path.ts";

/** The name a request gets, null when it has none. */
function named(identifier: Identifier, request: MessageHead): string | null {
  const ex = new Exchange();
  ex.request = request;
  const key = identifier.key(ex);
  return key === null ? null : identifier.path(key);
}

function call(path: string): MessageHead {
  return new PlainHttp2Request("POST", path, "users:8080");
}

test.each([
  ["/helloworld.Greeter/SayHello", "/svc/helloworld.Greeter/SayHello"],
  ["/one/two?three=/four", "/svc/one/two"],
  ["/one/two/", "/svc/one/two"],
  ["/one/?x", "/svc/one"],
  ["/a b", "/svc/\\x61\\x20\\x62"],
  ["/one?x=//y", "/svc/one"],
])("HeaderPathIdentifier names %s by its whole path", (path, name) => {
  expect(named(new HeaderPathIdentifier("/svc", ":path", null), call(path))).toBe(name);
});

test.each(["/", "", "?x", "/?x=/y", "*", "one/two", "//", "//one", "/one//two", "/one//"])(
  "HeaderPathIdentifier finds no path in %j",
  (path) => {
    expect(named(new HeaderPathIdentifier("/svc", ":path", null), call(path))).toBeNull();
  },
);

test.each([
  [1, "/helloworld.Greeter/SayHello", "/svc/helloworld.Greeter"],
  [1, "/one", "/svc/one"],
  [2, "/one/two/three?four", "/svc/one/two"],
  [2, "/one", null],
  [2, "/one/", null],
  [2, "/one?/two", null],
  [2, "//one/two", null],
  [1, "/", null],
])("HeaderPathIdentifier with %d segments names %s", (segments, path, name) => {
  expect(named(new HeaderPathIdentifier("/svc", ":path", segments), call(path))).toBe(name);
});

test("HeaderPathIdentifier reads any header, of which the last counts in HTTP/2", () => {
  const identifier = new HeaderPathIdentifier("/svc", "X-Service", 1);
  const fields = [
    ["x-service", "/users/v1"],
    ["x-service", "/orders/v2"],
  ] as const;
  expect(named(identifier, new PlainHttp2Request("GET", "/", "web", fields))).toBe("/svc/orders");
  expect(named(identifier, call("/"))).toBeNull();
});

test("HeaderPathIdentifier reads the target of an HTTP/1 request as well", () => {
  const head = requestHead("GET /one/two?x HTTP/1.1\r\nHost: web\r\n\r\n");
  expect(named(new HeaderPathIdentifier("", ":path", null), head)).toBe("/one/two");
});
