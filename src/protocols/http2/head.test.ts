import { describe, expect, test } from "vitest";
import { Field } from "../http/field-names.ts";
import { FieldName } from "./codec/field-name.ts";
import { Indexing } from "./codec/header-field.ts";
import { Http2Head, Part } from "./head.ts";

const MANY = 1_000_000;

/** Adds a line, `name: value`, as if it had just come; the name may begin with a colon. */
function add(head: Http2Head, line: string): void {
  const [, name = "", value = ""] = /^(:?[^:]*): ?([^]*)$/.exec(line) ?? [];
  const bytes = Buffer.from(value, "latin1");
  head.list.addOwn(new FieldName(name, name, false), Indexing.without, false, bytes, 0, bytes.length, MANY, MANY);
}

function headOf(lines: readonly string[]): Http2Head {
  const head = new Http2Head();
  for (const line of lines) add(head, line);
  return head;
}

const problem = (part: Part, ...lines: readonly string[]): string | null => headOf(lines).read(part);

const GET = [":method: GET", ":scheme: http", ":path: /", ":authority: web"];
const without = (name: string): string[] => GET.filter((line) => !line.startsWith(name));
const OK = ":status: 200";

describe("a request is in order", () => {
  test.each([
    ["as it usually is", GET],
    ["with fields behind the pseudo-header fields", [...GET, "accept: a", "x-b: c", "accept: d"]],
    ["with its pseudo-header fields in another order", GET.toReversed()],
    ["without :authority", without(":authority")],
    ["with host instead of :authority", [...without(":authority"), "host: web"]],
    ["with host that says what :authority says", [...GET, "host: WEB"]],
    ["with TE: trailers", [...GET, "te: trailers"]],
    ["with content-length", [...GET, "content-length: 5"]],
    ["with the same content-length twice", [...GET, "content-length: 5", "content-length: 5"]],
    ["with several cookies", [...GET, "cookie: a=b", "cookie: c=d"]],
    ["OPTIONS *", [":method: OPTIONS", ":scheme: http", ":path: *", ":authority: web"]],
    ["CONNECT", [":method: CONNECT", ":authority: web:443"]],
    ["extended CONNECT (RFC 8441 §4)", [":method: CONNECT", ":protocol: websocket", ...GET.slice(1)]],
    ["with a method like CONNECT", [":method: CONNECX", ...GET.slice(1)]],
  ])("%s", (_what, lines) => {
    expect(problem(Part.request, ...lines)).toBeNull();
  });
});

describe("a request is malformed", () => {
  const field = "a field name that is not allowed";
  const value = "a field value that is not allowed";
  test.each<readonly [what: string, lines: readonly string[], said: string]>([
    [
      "with a pseudo-header field behind another field (§8.3)",
      [...GET.slice(0, 3), "x-a: b", GET[3] as string],
      "a pseudo-header field after others",
    ],
    ["with a field before all others", ["x-a: b", ...GET], "a pseudo-header field after others"],
    ...GET.map((line) => [`with ${line} twice`, [...GET, line], "a pseudo-header field twice"] as const),
    ["with two values of :path", [...GET, ":path: /other"], "a pseudo-header field twice"],
    ["with an unknown pseudo-header field", [...GET, ":unknown: a"], field],
    ["with :status (§8.3.1)", [...GET, OK], ":status in a request"],
    ["without :method", without(":method"), "no :method"],
    ["without :scheme", without(":scheme"), "a pseudo-header field is missing"],
    ["without :path", without(":path"), "a pseudo-header field is missing"],
    ["without anything", [], "no :method"],
    ["with a name in upper case (§8.2.1)", [...GET, "X-a: b"], field],
    ["with a name that holds a blank", [...GET, "x a: b"], field],
    ["without a name", [...GET, ": b"], field],
    ["with connection (§8.2.2)", [...GET, "connection: close"], field],
    ["with keep-alive", [...GET, "keep-alive: 5"], field],
    ["with proxy-connection", [...GET, "proxy-connection: close"], field],
    ["with transfer-encoding", [...GET, "transfer-encoding: chunked"], field],
    ["with upgrade", [...GET, "upgrade: h2c"], field],
    ["with TE other than trailers", [...GET, "te: gzip"], value],
    ["with TE: trailers among others", [...GET, "te: trailers, gzip"], value],
    ["with a line break in a value", [...GET, "x-a: b\r\nc: d"], value],
    ["with NUL in a value", [...GET, "x-a: b\0"], value],
    ["with a blank at the end of a value", [...GET, "x-a: b "], value],
    ["with an empty :path", [":path: ", ...without(":path")], value],
    ["with a :path that is a URL", [":path: http://web/", ...without(":path")], value],
    ["with a :path that holds a fragment", [":path: /#a", ...without(":path")], value],
    ["with a :method that is no token", [":method: G T", ...without(":method")], value],
    ["with user information in :authority", [":authority: me@web", ...without(":authority")], value],
    [
      "with different content-lengths (§8.1.1)",
      [...GET, "content-length: 5", "content-length: 6"],
      "content-length twice",
    ],
    ["with a content-length that is no number", [...GET, "content-length: five"], value],
    ["with a list in content-length", [...GET, "content-length: 5, 5"], value],
    ["with host that is not :authority (§8.3.1)", [...GET, "host: other"], "host and :authority differ"],
    [
      "with host beside an empty :authority",
      [":authority: ", ...without(":authority"), "host: web"],
      "host and :authority differ",
    ],
    ["with host twice", [...without(":authority"), "host: web", "host: web"], "host and :authority differ"],
    ["with host twice beside :authority", [...GET, "host: web", "host: web"], "host and :authority differ"],
    ["for * that is not OPTIONS", [":path: *", ...without(":path")], "* is a target for OPTIONS only"],
    ["CONNECT with :path (§8.5)", [":method: CONNECT", ":authority: web", ":path: /"], "CONNECT with :scheme or :path"],
    ["CONNECT with :scheme", [":method: CONNECT", ":authority: web", ":scheme: http"], "CONNECT with :scheme or :path"],
    ["CONNECT without :authority", [":method: CONNECT"], "CONNECT with :scheme or :path"],
    ["CONNECT as an ordinary request", [":method: CONNECT", ...GET.slice(1)], "CONNECT with :scheme or :path"],
    [
      "with :protocol that is not CONNECT (RFC 8441 §4)",
      [...GET, ":protocol: websocket"],
      ":protocol without what belongs to it",
    ],
    [
      "extended CONNECT without :path",
      [":method: CONNECT", ":protocol: a", ":scheme: http", ":authority: web"],
      ":protocol without what belongs to it",
    ],
    [
      "extended CONNECT without :authority",
      [":method: CONNECT", ":protocol: a", ":scheme: http", ":path: /"],
      ":protocol without what belongs to it",
    ],
  ])("%s", (_what, lines, said) => {
    expect(problem(Part.request, ...lines)).toBe(said);
  });
});

describe("an answer", () => {
  test("is in order with :status alone, and fields", () => {
    expect(problem(Part.answer, OK)).toBeNull();
    expect(problem(Part.answer, ":status: 103", "link: a")).toBeNull();
  });

  test.each([
    ["without :status (§8.3.2)", ["x-a: b"], "pseudo-header fields other than :status"],
    ["without anything", [], "pseudo-header fields other than :status"],
    ["with a pseudo-header field of requests", [OK, ":path: /"], "pseudo-header fields other than :status"],
    ["with :status twice", [OK, OK], "a pseudo-header field twice"],
    ["with :status behind a field", ["x-a: b", OK], "a pseudo-header field after others"],
    ["with a :status of two digits", [":status: 20"], "a field value that is not allowed"],
    ["with connection", [OK, "connection: close"], "a field name that is not allowed"],
    ["with different content-lengths", [OK, "content-length: 1", "content-length: 2"], "content-length twice"],
  ])("is malformed %s", (_what, lines, said) => {
    expect(problem(Part.answer, ...lines)).toBe(said);
  });
});

describe("trailers", () => {
  test("are in order with fields, or with none", () => {
    expect(problem(Part.trailers, "grpc-status: 0", "x-a: b")).toBeNull();
    expect(problem(Part.trailers)).toBeNull();
  });

  test.each([
    ["with :status (§8.1)", [OK], "pseudo-header fields among trailers"],
    ["with :path", [":path: /"], "pseudo-header fields among trailers"],
    ["with an unknown pseudo-header field", [":a: b"], "a field name that is not allowed"],
    ["with a pseudo-header field behind another", ["x-a: b", OK], "a pseudo-header field after others"],
    ["with transfer-encoding", ["transfer-encoding: chunked"], "a field name that is not allowed"],
    ["with a name in upper case", ["Grpc-Status: 0"], "a field name that is not allowed"],
  ])("are malformed %s", (_what, lines, said) => {
    expect(problem(Part.trailers, ...lines)).toBe(said);
  });
});

describe("a head that was read", () => {
  const head = headOf([
    ...GET,
    "x-a: 1",
    "content-length: 5",
    "content-type: application/grpc",
    "x-a: 2",
    "grpc-timeout: 5S",
  ]);
  head.read(Part.request);

  test("says what its pseudo-header fields say, and does not count them", () => {
    expect([head.method, head.target, head.host, head.schemeField?.value, head.count]).toEqual([
      "GET",
      "/",
      "web",
      "http",
      5,
    ]);
    expect([head.name(0), head.value(0)]).toEqual(["x-a", "1"]);
    expect([head.contentLength, head.grpcTimeout?.value, head.grpcStatus]).toEqual([5, "5S", -1]);
  });

  test("finds its fields by id and by name", () => {
    expect([head.find(Field.contentLength), head.find(Field.contentType), head.find(Field.via)]).toEqual([1, 2, -1]);
    expect(head.findNext(Field.contentType, 2)).toBe(-1);
    expect([head.get("x-a"), head.get("content-length"), head.get("via"), head.get("x-b")]).toEqual([
      "1",
      "5",
      undefined,
      undefined,
    ]);
    expect(head.get("host")).toBe("web");
  });

  test("has host of the field when :authority is missing", () => {
    const old = headOf([...without(":authority"), "host: web"]);
    old.read(Part.request);
    expect([old.host, old.get("host")]).toEqual(["web", "web"]);
    const none = headOf(without(":authority"));
    none.read(Part.request);
    expect([none.host, none.get("host")]).toEqual(["", undefined]);
  });

  test("knows the status of an answer, and of a call", () => {
    const answer = headOf([":status: 404", "grpc-status: 5"]);
    answer.read(Part.answer);
    expect([answer.status, answer.grpcStatus, answer.count]).toEqual([404, 5, 1]);
  });

  test("is as new when it is used again", () => {
    const used = headOf([...GET, "host: web", "content-length: 5", "grpc-status: 3", "content-type: a"]);
    used.read(Part.request);
    used.newTarget = "/other";
    used.newHost = "other";
    used.addField("x-b", "c");
    used.reset();
    const fresh = new Http2Head();
    for (const key of [
      "status",
      "contentLength",
      "grpcStatus",
      "newTarget",
      "newHost",
      "added",
      "clearContext",
      "grpcTimeout",
    ] as const) {
      expect(used[key]).toEqual(fresh[key]);
    }
    expect([
      used.count,
      used.method,
      used.target,
      used.host,
      used.find(Field.host),
      used.find(Field.contentType),
    ]).toEqual([0, "", "", "", -1, -1]);
    for (const line of [...GET, "host: web", "content-length: 7"]) add(used, line);
    expect(used.read(Part.request)).toBeNull();
    expect(used.contentLength).toBe(7);
  });

  test("passes trailers on to another that outlives it", () => {
    const first = headOf(["grpc-status: 7", "via: a", "x-a: b"]);
    first.read(Part.trailers);
    const second = headOf(["x-old: c"]);
    second.copyFrom(first);
    first.reset();
    const seen: string[] = [];
    second.each((name, value) => seen.push(`${name}: ${value}`));
    expect([seen, second.grpcStatus, second.find(Field.via)]).toEqual([["grpc-status: 7", "via: a", "x-a: b"], 7, 1]);
  });
});
