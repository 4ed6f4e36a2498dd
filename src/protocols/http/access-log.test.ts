import { beforeEach, describe, expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { causes } from "../../core/cause.ts";
import { DataLoop } from "../../core/data-loop.ts";
import { Destination } from "../../core/destination.ts";
import { type Downstream, Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { LOG_FIELDS } from "./access-log-fields.ts";
import { type AccessLogFormat, parseTemplate } from "./access-log-format.ts";
import { AccessLog } from "./access-log.ts";
import type { HttpHead } from "./head.ts";

const WHOLE = [
  "GET /users/42?x=1 HTTP/1.1",
  "Host: users",
  "Referer: http://web/",
  "User-Agent: curl/8.5.0",
  "",
  "",
].join("\r\n");

let env: ManualEnv;

beforeEach(() => {
  env = new ManualEnv(Date.UTC(2026, 10, 23, 7, 20, 36, 5));
});

/** The one line an exchange makes. */
function logged(format: AccessLogFormat, ex: Exchange): string {
  const lines: string[] = [];
  const sink = { append: (line: Buffer, length: number) => void lines.push(line.toString("latin1", 0, length)) };
  const loop = new DataLoop(env);
  loop.nowMs = 112.5;
  new AccessLog({ router: "http", format, loop, clock: env.clock, sink }).record(ex);
  expect(lines.length).toBe(1);
  expect(lines[0]).toMatch(/^[ -~]*\n$/);
  return (lines[0] ?? "").slice(0, -1);
}

function exchange(request: string, more: Partial<Exchange> = {}): Exchange {
  const ex = new Exchange();
  const downstream: Partial<Downstream> = { remote: "10.9.8.7:51234" };
  // Logging asks an exchange's caller for nothing but its address.
  return Object.assign(ex, { request: requestHead(request), downstream: downstream as Downstream, startMs: 100 }, more);
}

/** A request that was answered. */
function served(request = WHOLE): Exchange {
  const path = { service: "/svc/users", stack: null as never, classifier: null as never, replayBytes: 0 }; // a log reads its name only
  const ex = exchange(request, {
    status: 200,
    requestBytes: 3,
    responseBytes: 1234,
    latencyMs: 7.25,
    attempts: 2,
    endpoint: "10.0.0.1:80",
    path,
    destination: new Destination("/svc/users", "/#/io.l5d.fs/users", ""),
    localDtab: "/svc/users=>/svc/users-v2",
  });
  Object.assign(ex.trace, { known: true, traceHigh: 0xabc, traceLow: 0xdef });
  return ex;
}

describe("The combined form", () => {
  test("is that of Linkerd 1.x", () => {
    expect(logged({ kind: "combined" }, served())).toBe(
      'users 10.9.8.7 - - [23/11/2026:07:20:36 UTC] "GET /users/42?x=1 HTTP/1.1" 200 1234 "http://web/" "curl/8.5.0"',
    );
  });

  test("has a dash for whatever there is not", () => {
    expect(logged({ kind: "combined" }, exchange("GET / HTTP/1.0\r\n\r\n", { status: 499 }))).toBe(
      '- 10.9.8.7 - - [23/11/2026:07:20:36 UTC] "GET / HTTP/1.0" 499 - "-" "-"',
    );
  });

  test("shows of a request that could not be read what could be", () => {
    const garbage = logged({ kind: "combined" }, exchange("\x16\x03\x01\x02\r\n", { status: 400 }));
    expect(garbage).toContain('"- - -" 400');
    const noVersion = logged({ kind: "combined" }, exchange("GET /x HTTP/3.0\r\n", { status: 505 }));
    expect(noVersion).toContain('"GET /x -" 505');
    const badHeader = logged(
      { kind: "combined" },
      exchange("GET /x HTTP/1.1\r\nHost: web\r\nbad header\r\n\r\n", { status: 400 }),
    );
    expect(badHeader).toMatch(/^web .*"GET \/x HTTP\/1.1" 400/);
    const host = "GET /x HTTP/1.1\r\nHost: web 1.2.3.4 - - [x]\r\n\r\n";
    expect(logged({ kind: "combined" }, exchange(host, { status: 400 }))).not.toContain("1.2.3.4");
  });

  test("cannot be forged by what a caller sends", () => {
    const forged = 'x" 200 5 "-" "-"\\';
    const line = logged(
      { kind: "combined" },
      served(`GET /"quoted" HTTP/1.1\r\nHost: web\r\nUser-Agent: ${forged}\xff\r\n\r\n`),
    );
    expect(line).toContain('"GET /\\"quoted\\" HTTP/1.1" 200 1234 "-"');
    expect(line.endsWith('"x\\" 200 5 \\"-\\" \\"-\\"\\\\\\xff"')).toBe(true);
  });

  test("names the authority of an absolute target, and an IPv6 caller without its port", () => {
    const ex = served();
    (ex.request as HttpHead).newHost = "example.org"; // made above
    ex.downstream = { ...ex.downstream, remote: "2001:db8::1:51234" };
    expect(logged({ kind: "combined" }, ex)).toMatch(/^example\.org 2001:db8::1 - /);
  });
});

describe("The JSON form", () => {
  test("tells everything", () => {
    expect(JSON.parse(logged({ kind: "json" }, served()))).toEqual({
      time: "2026-11-23T07:20:36.005Z",
      router: "http",
      remote: "10.9.8.7:51234",
      host: "users",
      method: "GET",
      uri: "/users/42?x=1",
      version: "HTTP/1.1",
      status: 200,
      requestBytes: 3,
      responseBytes: 1234,
      latencyMs: 7.25,
      durationMs: 12.5,
      service: "/svc/users",
      client: "/#/io.l5d.fs/users",
      endpoint: "10.0.0.1:80",
      attempts: 2,
      retries: 0,
      grpcStatus: null,
      budgetMs: null,
      budgetLeftMs: null,
      requestId: "00000abc00000def",
      cause: null,
      referer: "http://web/",
      userAgent: "curl/8.5.0",
      decisions: null,
      override: "/svc/users=>/svc/users-v2",
    });
  });

  test("tells as much of an HTTP/2 request", () => {
    const fields = [["user-agent", "grpc-go/1.80"]] as const;
    const request = new PlainHttp2Request("POST", "/users.Users/Get", "users:8080", fields);
    expect(JSON.parse(logged({ kind: "json" }, Object.assign(served(), { request })))).toMatchObject({
      host: "users:8080",
      method: "POST",
      uri: "/users.Users/Get",
      version: "HTTP/2.0",
      referer: null,
      userAgent: "grpc-go/1.80",
    });
  });

  test("has every field in every line, null where there is nothing to tell", () => {
    const line: unknown = JSON.parse(logged({ kind: "json" }, exchange("\x16\x03")));
    expect(Object.keys(line as object)).toEqual(LOG_FIELDS.map((field) => field.name));
    expect(line).toMatchObject({
      host: null,
      method: null,
      uri: null,
      version: null,
      status: null,
      latencyMs: null,
      requestId: null,
    });
  });

  test("tells the cause of a failure with its details, as the header does", () => {
    const failure = new Failure(causes.connectRefused, undefined, { endpoint: "10.0.0.1:80", reused: true });
    expect(JSON.parse(logged({ kind: "json" }, exchange(WHOLE, { failure, status: 502 })))).toMatchObject({
      cause: failure.token(),
      status: 502,
    });
  });

  test("reads back exactly what a caller sent, byte for byte", () => {
    const nasty = '"},{"status":200}\\u0000\x80\xff\ttab';
    const line = logged({ kind: "json" }, served(`GET / HTTP/1.1\r\nHost: web\r\nUser-Agent: ${nasty}\r\n\r\n`));
    expect(JSON.parse(line)).toMatchObject({ userAgent: nasty });
  });

  test("writes a 128-bit trace id in full", () => {
    const ex = served();
    Object.assign(ex.trace, { wide: true, extraHigh: 0x12345678, extraLow: 0x9abcdef0 });
    expect(JSON.parse(logged({ kind: "json" }, ex))).toMatchObject({ requestId: "123456789abcdef000000abc00000def" });
  });
});

describe("A template", () => {
  test("is filled with fields, and a dash where there is nothing to tell", () => {
    const template = '%{method} "%{uri}" 100% of %{cause} in %{durationMs} ms';
    expect(logged({ kind: "template", template }, served())).toBe('GET "/users/42?x=1" 100% of - in 12.500 ms');
  });

  test.each([
    ["%{metod} x", 'there is no field "metod"', 'did you mean "%{method}"?'],
    ["%{}", 'there is no field ""', "write one of time, router"],
    ["%{method} %{uri", '"%{uri" has no "}"', "write %{field}"],
    ["%{method}\n", "the template has a line break", "write one line"],
    ["%{method} é", "the template has a line break or other characters than ASCII", "write one line of ASCII"],
  ])("%j is refused with a reason", (template, message, advice) => {
    const parsed = parseTemplate(template);
    expect(parsed).toMatchObject({
      message: expect.stringContaining(message),
      advice: expect.stringContaining(advice),
    });
  });
});

test("Every field has a sentence", () => {
  for (const { doc } of LOG_FIELDS) expect(doc).toMatch(/^[A-Z`].*\.$/);
  expect(new Set(LOG_FIELDS.map((field) => field.name)).size).toBe(LOG_FIELDS.length);
});
