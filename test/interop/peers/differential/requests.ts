// The shapes of requests that both proxies are given: a table by hand, sweeps over all octets, and random ones.
import { type Random } from "../../../../src/base/random.ts";
import type { FieldPairs } from "../../../support/h2-frames.ts";
import type { Request } from "./caller.ts";

/** A request with a name, and what is special about it. */
export interface Shape extends Request {
  readonly name: string;
  /** Differences are allowed by these. */
  readonly tags: readonly string[];
}

type Parts = Omit<Request, "fields"> & {
  readonly method?: string;
  readonly path?: string;
  readonly scheme?: string;
  readonly authority?: string | null;
  /** After the pseudo-header fields. */
  readonly more?: FieldPairs;
  /** In place of all of them. */
  readonly fields?: FieldPairs;
};

const HOST = "service.example";

function pseudo({ authority = HOST, method = "GET", path = "/a", scheme = "http" }: Parts): [string, string][] {
  const fields: [string, string][] = [
    [":method", method],
    [":scheme", scheme],
    [":path", path],
  ];
  if (authority !== null) fields.push([":authority", authority]);
  return fields;
}

function shape(name: string, parts: Parts = {}, tags: readonly string[] = [name]): Shape {
  const { authority: _a, fields, method: _m, more = [], path: _p, scheme: _s, ...rest } = parts;
  return { name, tags, ...rest, fields: fields ?? [...pseudo(parts), ...more] };
}

function posting(name: string, parts: Parts = {}): Shape {
  return shape(name, { method: "POST", body: ["hello"], ...parts });
}

/** The table. */
export const SHAPES: readonly Shape[] = [
  shape("plain"),
  ...["HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "POST", "TRACE", "PROPFIND"].map((method) =>
    shape(`method ${method}`, { method }),
  ),
  shape("method in lower case", { method: "get" }),
  shape("method of odd token characters", { method: "M-!#$%&'*+.^_`|~" }),
  shape("method with a space", { method: "GET /x" }),
  shape("method that is empty", { method: "" }),
  shape("target *", { method: "OPTIONS", path: "*" }),
  shape("target * of a GET", { path: "*" }),
  shape("target that is empty", { path: "" }),
  shape("target without a slash", { path: "a/b" }),
  shape("target in absolute form", { path: "http://other.example/a" }),
  shape("target with a query", { path: "/a?b=c&d=%20;e=?//" }),
  shape("target of sub-delims", { path: "/!$&'()*+,;=:@-._~" }),
  shape("target of characters that URIs do not allow", { path: '/"<>[]^`{|}' }),
  shape("target with a backslash", { path: "/a\\b" }),
  shape("target with a fragment", { path: "/a#b" }),
  shape("target with a space", { path: "/a b" }),
  shape("target with a line end", { path: "/a HTTP/1.1\r\nx-smuggled: 1" }),
  shape("target with dot segments", { path: "/a/./b/../c" }),
  shape("target that climbs", { path: "/../../etc" }),
  shape("target with two slashes", { path: "//a//b" }),
  shape("target with needless percent-encoding", { path: "/%61%2f%2F%7e" }),
  shape("target with a broken percent-encoding", { path: "/%zz%" }),
  shape("target of UTF-8", { path: "/\u00c3\u00a9" }),
  shape("target of 4000 characters", { path: `/${"a".repeat(4000)}` }),
  shape("authority with a port", { authority: "service.example:8080" }),
  shape("authority in upper case", { authority: "Service.EXAMPLE" }),
  shape("authority of IPv6", { authority: "[::1]:80" }),
  shape("authority with user", { authority: "me@service.example" }),
  shape("authority with a slash", { authority: "service.example/a" }),
  shape("authority with a space", { authority: "service.example a" }),
  shape("authority that is empty", { authority: "" }),
  shape("no authority, a host", { authority: null, more: [["host", HOST]] }),
  shape("no authority, no host", { authority: null }),
  shape("host as :authority", { more: [["host", HOST]] }),
  shape("host other than :authority", { more: [["host", "other.example"]] }),
  shape("host twice", {
    authority: null,
    more: [
      ["host", HOST],
      ["host", HOST],
    ],
  }),
  shape("host that is empty beside :authority", { more: [["host", ""]] }),
  shape("scheme https", { scheme: "https" }),
  shape("scheme unknown", { scheme: "gopher" }),
  shape("scheme malformed", { scheme: "ht tp" }),
  shape("no :method", { fields: pseudo({}).filter(([name]) => name !== ":method") }),
  shape("no :scheme", { fields: pseudo({}).filter(([name]) => name !== ":scheme") }),
  shape("no :path", { fields: pseudo({}).filter(([name]) => name !== ":path") }),
  ...pseudo({}).map(([name, value]) => shape(`${name} twice`, { fields: [...pseudo({}), [name, value]] })),
  shape(":status in a request", { fields: [...pseudo({}), [":status", "200"]] }),
  shape("unknown pseudo-header field", { fields: [...pseudo({}), [":unknown", "1"]] }),
  shape("pseudo-header field after others", { fields: [["accept", "a"], ...pseudo({})] }),
  shape("name in upper case", { more: [["X-Upper", "1"]] }),
  shape("name that is empty", { more: [["", "1"]] }),
  shape("name with a colon", { more: [["x:y", "1"]] }),
  shape("name with a space", { more: [["x y", "1"]] }),
  shape("name with a line end", { more: [["x\r\ny", "1"]] }),
  shape("name of odd token characters", { more: [["x!#$%&'*+.^_`|~", "1"]] }),
  ...["connection", "keep-alive", "proxy-connection", "upgrade"].map((name) =>
    shape(`${name} field`, { more: [[name, "close"]] }),
  ),
  posting("transfer-encoding field", { more: [["transfer-encoding", "chunked"]] }),
  shape("te trailers", { more: [["te", "trailers"]] }),
  shape("te gzip", { more: [["te", "gzip"]] }),
  shape("te trailers and gzip", { more: [["te", "trailers, gzip"]] }),
  shape("fields of the same name", {
    more: [
      ["x-a", "1"],
      ["x-b", "2"],
      ["x-a", "3"],
    ],
  }),
  shape("values that are empty", {
    more: [
      ["x-a", ""],
      ["accept", ""],
    ],
  }),
  shape("value with spaces within", { more: [["x-a", "a  b\tc"]] }),
  shape("value that begins with a space", { more: [["x-a", " a"]] }),
  shape("value that ends with a tab", { more: [["x-a", "a\t"]] }),
  shape("value of spaces", { more: [["x-a", "  "]] }),
  shape("value with a line end", { more: [["x-a", "a\r\nx-smuggled: 1"]] }),
  shape("90 fields", { more: Array.from({ length: 90 }, (_, i) => [`x-n${i}`, `v${i}`] as const) }),
  shape("value of 10 000 octets", { more: [["x-a", "a".repeat(10_000)]] }),
  shape("head in CONTINUATION frames", { more: [["x-a", "a".repeat(500)]], form: { pieceBytes: 100 } }),
  shape("head in very many CONTINUATION frames", { more: [["x-a", "a".repeat(500)]], form: { pieceBytes: 5 } }),
  shape("head with padding and priority", { form: { padding: 100, priority: true } }),
  shape("cookie", { more: [["cookie", "a=1; b=2"]] }),
  shape("cookie crumbs", {
    more: [
      ["cookie", "a=1"],
      ["x-a", "1"],
      ["cookie", "b=2"],
      ["cookie", "c=3; d=4"],
    ],
  }),
  shape("cookie crumbs, one empty", {
    more: [
      ["cookie", ""],
      ["cookie", "b=2"],
    ],
  }),
  shape("cookie that ends in a semicolon", {
    more: [
      ["cookie", "a=1;"],
      ["cookie", "b=2"],
    ],
  }),
  shape("fields about proxies", {
    more: [
      ["via", "1.1 before"],
      ["x-forwarded-for", "192.0.2.1"],
      ["x-forwarded-proto", "https"],
      ["forwarded", "for=192.0.2.1"],
    ],
  }),
  shape("proxy-authorization", { more: [["proxy-authorization", "Basic eDp5"]] }),
  shape("trailer field", { more: [["trailer", "x-sum"]] }),
  shape("expect without a body", { more: [["expect", "100-continue"]] }),
  shape("expect of something else", { more: [["expect", "200-ok"]] }),
  posting("body without length"),
  posting("body with its length", { more: [["content-length", "5"]] }),
  posting("body in three frames with its length", { body: ["he", "", "llo"], more: [["content-length", "5"]] }),
  posting("body with padding", { padding: 255, body: ["he", "llo"] }),
  posting("body longer than its length", { more: [["content-length", "4"]] }),
  posting("body shorter than its length", { more: [["content-length", "6"]] }),
  posting("body with length 0", { more: [["content-length", "0"]] }),
  posting("body with two equal lengths", {
    more: [
      ["content-length", "5"],
      ["content-length", "5"],
    ],
  }),
  posting("body with two lengths", {
    more: [
      ["content-length", "5"],
      ["content-length", "6"],
    ],
  }),
  posting("body with a list of equal lengths", { more: [["content-length", "5, 5"]] }),
  ...["+5", "05", "5 ", "0x5", "5.0", "-5", "", "99999999999999999999"].map((length) =>
    posting(`body with length ${JSON.stringify(length)}`, { more: [["content-length", length]] }),
  ),
  shape("length without a body", { method: "POST", more: [["content-length", "5"]] }),
  shape("length 0 without a body", { method: "POST", more: [["content-length", "0"]] }),
  posting("body that is empty, in a frame", { body: [""] }),
  posting("body of a GET", { method: "GET" }),
  posting("body of a GET with its length", { method: "GET", more: [["content-length", "5"]] }),
  posting("body of a HEAD", { method: "HEAD" }),
  posting("body of a DELETE", { method: "DELETE" }),
  posting("body that looks like a request", { body: ["0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"] }),
  posting("body of 40 000 octets", { body: Array.from({ length: 4 }, () => "0123456789".repeat(1000)) }),
  posting("body once it is told to continue", { waits: true, more: [["expect", "100-continue"]] }),
  posting("body with its length once it is told to continue", {
    waits: true,
    more: [
      ["expect", "100-continue"],
      ["content-length", "5"],
    ],
  }),
  posting("body at once although it expects", { more: [["expect", "100-continue"]] }),
  posting("trailers", {
    trailers: [
      ["x-sum", "1"],
      ["x-sum", "2"],
      ["x-other", ""],
    ],
  }),
  posting("trailers after a body with its length", { more: [["content-length", "5"]], trailers: [["x-sum", "1"]] }),
  posting("trailers without a body", { body: [], trailers: [["x-sum", "1"]] }),
  posting("trailers with a pseudo-header field", { trailers: [[":path", "/"]] }),
  posting("trailers in upper case", { trailers: [["X-Sum", "1"]] }),
  posting("trailers that frame", {
    trailers: [
      ["content-length", "7"],
      ["x-sum", "1"],
    ],
  }),
  posting("trailers of a connection", { trailers: [["connection", "close"]] }),
  posting("trailers that name a host", {
    trailers: [
      ["host", "other.example"],
      ["x-sum", "1"],
    ],
  }),
  posting("trailers with a line end", { trailers: [["x-sum", "1\r\n\r\nGET / HTTP/1.1"]] }),
];

/** Every octet at every place where text goes from one protocol into the other. */
export const SWEEPS: Readonly<Record<string, readonly Shape[]>> = {
  "a value": octets("a value", (octet) => ({ more: [["x-a", `a${octet}b`]] })),
  "a name": octets("a name", (octet) => ({ more: [[`x${octet}y`, "1"]] })),
  "a target": octets("a target", (octet) => ({ path: `/a${octet}b` })),
  "a method": octets("a method", (octet) => ({ method: `M${octet}N` })),
  "an authority": octets("an authority", (octet) => ({ authority: `a${octet}b` })),
  "a trailer": octets("a trailer", (octet) => ({ method: "POST", body: ["b"], trailers: [["x-a", `a${octet}b`]] })),
};

function octets(where: string, parts: (octet: string) => Parts): Shape[] {
  return Array.from({ length: 256 }, (_, code) => {
    const name = `octet ${code.toString(16).padStart(2, "0")} in ${where}`;
    return shape(name, parts(String.fromCharCode(code)));
  });
}

/** Requests of features that were drawn. */
export function randomShapes(random: Random, count: number): Shape[] {
  return Array.from({ length: count }, (_, i) => randomShape(random, `random ${i}`));
}

function randomShape(random: Random, name: string): Shape {
  const one = <T>(...choices: readonly T[]): T => choices[random.int(choices.length)] as T;
  const maybe = (percent: number): boolean => random.int(100) < percent;
  const text = (alphabet: string, most: number): string =>
    Array.from({ length: random.int(most + 1) }, () => alphabet[random.int(alphabet.length)]).join("");
  const tags: string[] = [];
  const drawn = <T>(tag: string, value: T): T => {
    tags.push(tag);
    return value;
  };
  const more: [string, string][] = [];
  const path = `/${text("ab0-._~!$&'()*+,;=:@", 30)}${maybe(30) ? `?${text("ab&=%2f/?", 20)}` : ""}`;
  if (/\/\.|\/\/|%|\?$/.test(path)) tags.push("target that may be normalised");
  for (let i = random.int(12); i > 0; i--) {
    more.push([
      one("x-a", "x-b", "accept", "user-agent", `x-${text("abc-_", 10)}z`),
      text('ab c\t,;="\u00e9\u00ff', 40).trim(),
    ]);
  }
  for (let i = maybe(30) ? random.int(4) : 0; i > 0; i--) more.push(["cookie", `${one("a", "b")}=${text("xyz", 5)}`]);
  if (maybe(10)) more.push(drawn("te trailers", ["te", "trailers"]));
  if (maybe(5)) more.push(drawn("host as :authority", ["host", HOST]));
  if (maybe(5)) more.push(drawn("spaces around a value", ["x-spaces", ` ${text("ab", 3)}\t`]));
  if (maybe(3)) more.push(drawn("malformed name", [one("X-Up", "x y", "connection", "transfer-encoding"), "1"]));
  if (maybe(3)) more.push(drawn("malformed value", ["x-bad", one("a\rb", "a\nb", "a\0b")]));
  more.sort(() => random.int(3) - 1);
  const method = one("GET", "POST", "PUT", "DELETE", "PATCH", "PROPFIND");
  const form = {
    ...(maybe(20) ? { pieceBytes: 300 + random.int(300) } : {}),
    ...(maybe(20) ? { padding: random.int(256) } : {}),
  };
  const padding = maybe(20) ? random.int(256) : -1;
  const body = maybe(60) ? Array.from({ length: 1 + random.int(4) }, () => text("0\r\n:GET /", 200)) : undefined;
  if (body === undefined) return shape(name, { method, path, more, form }, tags);
  const size = body.join("").length;
  if (maybe(50)) more.push(["content-length", String(size)]);
  else if (maybe(15))
    more.push(drawn("wrong length", ["content-length", String(one(size + 1, size + 100, Math.max(0, size - 1)))]));
  if (!maybe(30)) return shape(name, { method, path, more, form, body, padding }, tags);
  const trailers: [string, string][] = [
    ["x-sum", text("0123", 8)],
    ["x-more", text("a b", 8).trim()],
  ];
  return shape(name, { method, path, more, form, body, padding, trailers }, drawn("trailers", tags));
}
