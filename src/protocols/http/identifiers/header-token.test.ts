import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../../test/support/request-head.ts";
import { Exchange } from "../../../core/exchange.ts";
import type { MessageHead } from "../../../core/message-head.ts";
import { HeaderTokenIdentifier } from "./header-token.ts";

function token(header: string, request: MessageHead): string | null {
  const ex = new Exchange();
  ex.request = request;
  return new HeaderTokenIdentifier("/svc", header).key(ex);
}

const HTTP1 = requestHead("GET /users?x HTTP/1.1\r\nHost: web\r\nVersion: a\r\nVersion: b\r\n\r\n");
const HTTP2 = new PlainHttp2Request("GET", "/users?x", "web", [
  ["version", "a"],
  ["version", "b"],
]);

test.each([
  ["HTTP/1", HTTP1],
  ["HTTP/2", HTTP2],
])("HeaderTokenIdentifier knows what pseudo-header fields mean in %s", (_version, request) => {
  expect(token("Host", request)).toBe("web");
  expect(token(":authority", request)).toBe("web");
  expect(token(":path", request)).toBe("/users?x");
  expect(token(":method", request)).toBe("GET");
  expect(token("absent", request)).toBeNull();
});

test("HeaderTokenIdentifier takes the first of several values in HTTP/1, the last in HTTP/2", () => {
  expect(token("Version", HTTP1)).toBe("a");
  expect(token("Version", HTTP2)).toBe("b");
});

test("HeaderTokenIdentifier does not name a request without authority", () => {
  expect(token(":authority", new PlainHttp2Request("GET", "/", ""))).toBeNull();
});
