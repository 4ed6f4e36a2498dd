import { expect, test } from "vitest";
import { parseEndpoint } from "./endpoint-text.ts";
import { SyntaxProblem } from "./syntax.ts";

test.each([
  ["127.0.0.1:8080", "127.0.0.1", 8080, 1],
  ["users.internal:80", "users.internal", 80, 1],
  [" my_host:1 ", "my_host", 1, 1],
  ["users.internal", "users.internal", null, 1],
  ["10.0.0.1:8080 * 0.5", "10.0.0.1", 8080, 0.5],
  ["10.0.0.1:8080*3", "10.0.0.1", 8080, 3],
  ["10.0.0.1 * 2", "10.0.0.1", null, 2],
  ["[::1]:8080", "::1", 8080, 1],
  ["[2001:db8::1]", "2001:db8::1", null, 1],
])("%j is an address", (text, host, port, weight) => {
  expect(parseEndpoint(text)).toEqual({ host, port, weight });
});

test.each([
  ["http://users:80", 5, "this is a URL; write host and port alone"],
  ["users:80/api", 8, "there is no place for a path; write host and port alone"],
  ["10.0.0.1 8080", 8, "write a colon between host and port"],
  ["::1:8080", 0, "an IPv6 address stands in brackets, as in [::1]:8080"],
  ["fe80::1", 0, "an IPv6 address stands in brackets, as in [::1]:8080"],
  ["[10.0.0.1]:80", 0, '"[10.0.0.1]" is no host'],
  ["us€rs:80", 0, '"us€rs" is no host'],
  ["8080", 0, "a host is missing; for this machine write 127.0.0.1:8080"],
  ["users:http", 6, '"http" is not a port from 1 to 65535'],
  ["users:", 6, '"" is not a port from 1 to 65535'],
  ["users:0", 6, '"0" is not a port from 1 to 65535'],
  ["users:65536", 6, '"65536" is not a port from 1 to 65535'],
  ["users:80 * much", 11, '"much" is not a weight such as 2 or 0.5'],
  ["users:80 * -1", 11, '"-1" is not a weight such as 2 or 0.5'],
  ["users:80 80", 8, "write a colon between host and port"],
  ["*:80", 0, "this is not host:port"],
  ["", 0, "this is not host:port"],
  [" *", 1, "this is not host:port"],
])("%j is none, and it is said where and why", (text, offset, message) => {
  const problem = parseEndpoint(text);
  expect(problem).toBeInstanceOf(SyntaxProblem);
  expect(problem).toMatchObject({ message });
  expect((problem as SyntaxProblem).offset).toBe(offset);
});
