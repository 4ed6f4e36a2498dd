// The answers of a service of HTTP/1.1 that both proxies are given, good ones and bad ones.
import type { Random } from "../../../../src/base/random.ts";
import { chunked } from "../../../support/http-text.ts";
import type { Answer } from "./recorder.ts";

/** An answer with a name, and the method of the request that it follows. */
export interface AnswerShape extends Answer {
  readonly name: string;
  readonly method: string;
}

type Rest = { readonly close?: boolean; readonly method?: string };

function whole(name: string, bytes: string, { close = false, method = "GET" }: Rest = {}): AnswerShape {
  return { name, bytes, close, method };
}

/** An answer of 200 with these lines after the first, and this after the head. */
function ok(name: string, lines: readonly string[], rest: string, more: Rest = {}): AnswerShape {
  return whole(name, `HTTP/1.1 200 OK\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n${rest}`, more);
}

const FIVE = "Content-Length: 5";
const CHUNKED = "Transfer-Encoding: chunked";
const NEXT = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext";

function withLine(name: string, ...lines: readonly string[]): AnswerShape {
  return ok(name, [FIVE, ...lines], "hello");
}

/** The table. */
export const ANSWERS: readonly AnswerShape[] = [
  ok("length", [FIVE], "hello"),
  ok("length 0", ["Content-Length: 0"], ""),
  ok("chunked", [CHUNKED], chunked("hel", "lo")),
  ok("chunked, empty", [CHUNKED], chunked()),
  ok("chunked, in upper case", ["TRANSFER-ENCODING: CHUNKED"], chunked("hello")),
  ok("chunk extension", [CHUNKED], "5;a=b\r\nhello\r\n0\r\n\r\n"),
  ok("chunk size with zeros", [CHUNKED], "0005\r\nhello\r\n000\r\n\r\n"),
  ok("trailers", [CHUNKED, "Trailer: x-sum"], "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\nx-empty:\r\n\r\n"),
  ok("trailers that frame", [CHUNKED], "5\r\nhello\r\n0\r\nContent-Length: 7\r\nx-sum: 1\r\n\r\n"),
  ok("trailers of a connection", [CHUNKED], "5\r\nhello\r\n0\r\nConnection: close\r\nx-sum: 1\r\n\r\n"),
  ok("until close", [], "hello", { close: true }),
  ok("length and close", [FIVE, "Connection: close"], "hello", { close: true }),
  whole("204", "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n"),
  whole("204 with length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
  whole("204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
  whole("205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
  whole("304", 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'),
  whole("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
  ok("HEAD with a length", [FIVE], "", { method: "HEAD" }),
  ok("HEAD, chunked", [CHUNKED], "", { method: "HEAD" }),
  ok("HEAD with a body", [FIVE], "hello", { method: "HEAD" }),
  whole("100 before it", `HTTP/1.1 100 Continue\r\n\r\n${NEXT}`),
  whole("102 before it", `HTTP/1.1 102 Processing\r\n\r\n${NEXT}`),
  whole("103 before it", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${NEXT}`),
  whole("103 twice before it", `${"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(2)}${NEXT}`),
  whole("101 unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello"),
  whole("HTTP/1.0 with a length", `HTTP/1.0 200 OK\r\n${FIVE}\r\n\r\nhello`, { close: true }),
  whole("HTTP/1.0 until close", "HTTP/1.0 200 OK\r\n\r\nhello", { close: true }),
  whole("HTTP/1.0, chunked", `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n\r\n${chunked("hello")}`, { close: true }),
  whole("HTTP/1.2", `HTTP/1.2 200 OK\r\n${FIVE}\r\n\r\nhello`),
  whole("HTTP/2.0", `HTTP/2.0 200 OK\r\n${FIVE}\r\n\r\nhello`),
  whole("reason that is empty", `HTTP/1.1 200 \r\n${FIVE}\r\n\r\nhello`),
  whole("no reason and no space", `HTTP/1.1 200\r\n${FIVE}\r\n\r\nhello`),
  whole("reason of odd octets", `HTTP/1.1 200 \u00e9\t"\r\n${FIVE}\r\n\r\nhello`),
  whole("status 299", `HTTP/1.1 299 Odd\r\n${FIVE}\r\n\r\nhello`),
  whole("status 599", `HTTP/1.1 599 Odd\r\n${FIVE}\r\n\r\nhello`),
  whole("status 999", `HTTP/1.1 999 Odd\r\n${FIVE}\r\n\r\nhello`),
  whole("status 099", `HTTP/1.1 099 Odd\r\n${FIVE}\r\n\r\nhello`),
  whole("status of two digits", `HTTP/1.1 20 OK\r\n${FIVE}\r\n\r\nhello`),
  whole("status of four digits", `HTTP/1.1 2000 OK\r\n${FIVE}\r\n\r\nhello`),
  withLine("fields about the connection", "Connection: x-private", "x-private: 1", "Keep-Alive: timeout=5"),
  withLine("proxy-connection", "Proxy-Connection: keep-alive"),
  withLine("upgrade offered", "Connection: upgrade", "Upgrade: h2c"),
  withLine("fields of the same name", "Set-Cookie: a=1", "x-a: 1", "Set-Cookie: b=2"),
  withLine("values that are empty", "x-a:", "x-b: "),
  withLine("value with spaces around", "x-a: \t a b \t"),
  withLine("value of odd octets", 'x-a: \u0080\u00ff "\\'),
  withLine("names in upper case", "X-UPPER: A", "sErVeR: Odd"),
  withLine("90 fields", ...Array.from({ length: 90 }, (_, i) => `x-n${i}: v${i}`)),
  withLine("value of 5000 octets", `x-a: ${"a".repeat(5000)}`),
  withLine("via and location", "Via: 1.1 behind", "Location: http://service.example/b"),
  withLine("name with a space", "x a: 1"),
  withLine("space before the colon", "x-a : 1"),
  withLine("line without a colon", "x-a"),
  withLine("name that is empty", ": 1"),
  withLine("pseudo-header field", ":status: 404"),
  withLine("folded line", "x-a: 1", " 2"),
  withLine("NUL in a value", "x-a: a\0b"),
  withLine("CR in a value", "x-a: a\rb"),
  withLine("control character in a value", "x-a: a\u0001b"),
  whole("line ends of LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
  ok("two equal lengths", [FIVE, FIVE], "hello"),
  ok("list of equal lengths", ["Content-Length: 5, 5"], "hello"),
  ok("two lengths", [FIVE, "Content-Length: 6"], "hello!"),
  ...["+5", "0x5", "5.0", "-5", "5a", "", "99999999999999999999"].map((length) =>
    ok(`length ${JSON.stringify(length)}`, [`Content-Length: ${length}`], "hello", { close: true }),
  ),
  ok("length and chunked", [FIVE, CHUNKED], chunked("hello")),
  ok("gzip, chunked", ["Transfer-Encoding: gzip, chunked"], chunked("hello")),
  ok("coding other than chunked", ["Transfer-Encoding: gzip"], "hello", { close: true }),
  ok("chunked twice", [CHUNKED, CHUNKED], chunked("hello")),
  ok("chunk size malformed", [CHUNKED], "5x\r\nhello\r\n0\r\n\r\n"),
  ok("chunk size too large", [CHUNKED], "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
  ok("chunk without its end", [CHUNKED], "5\r\nhello0\r\n\r\n", { close: true }),
  ok("chunk that ends in LF", [CHUNKED], "5\nhello\n0\n\n", { close: true }),
  ok("chunks that break off", [CHUNKED], "5\r\nhel", { close: true }),
  ok("chunks without the last", [CHUNKED], "5\r\nhello\r\n", { close: true }),
  ok("length that is not reached", ["Content-Length: 50"], "hello", { close: true }),
  ok("bytes after it", [FIVE], `hello${NEXT}`),
  whole("head that breaks off", "HTTP/1.1 200 OK\r\nContent-Le", { close: true }),
  whole("nothing at all", "", { close: true }),
  whole("something else", "SSH-2.0-OpenSSH_9.2\r\n", { close: true }),
  whole("an empty line before it", `\r\n${NEXT}`),
];

const CUT = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nX-A:  a b\r\n${CHUNKED}\r\n\r\n`;
const CUT_BODY = "5;a=b\r\nhello\r\n00b\r\n, wide\r\n \r\nw\r\n0\r\nX-Sum: 1\r\n\r\n";

/** One answer that has everything, in two pieces, cut at every place. */
export const CUT_ANSWERS: readonly AnswerShape[] = Array.from({ length: CUT.length + CUT_BODY.length }, (_, at) => ({
  name: `cut before octet ${at}`,
  bytes: CUT + CUT_BODY,
  cuts: [at / (CUT.length + CUT_BODY.length)],
  method: "GET",
}));

const STATUSES = [200, 200, 200, 201, 206, 302, 400, 404, 410, 500, 503];

/** Good answers, put together at random and cut anywhere. */
export function randomAnswers(random: Random, count: number): AnswerShape[] {
  return Array.from({ length: count }, (_, i) => randomAnswer(random, `random answer ${i}`));
}

function randomAnswer(random: Random, name: string): AnswerShape {
  const maybe = (percent: number): boolean => random.int(100) < percent;
  const text = (alphabet: string, most: number): string =>
    Array.from({ length: random.int(most + 1) }, () => alphabet[random.int(alphabet.length)]).join("");
  const cuts = Array.from({ length: random.int(8) }, () => random.next());
  const value = (): string => text(" \t", 3) + text('ab c,;="\u00e9\u00ff', 30) + text(" \t", 2);
  const lines = (most: number): string =>
    Array.from({ length: random.int(most + 1) }, () => `x-${text("abC-_", 8)}z:${value()}\r\n`).join("");
  const head = (status: number): string => `HTTP/1.1 ${status} ${text("abc ", 9)}\r\n${lines(8)}`;
  const interim = maybe(20) ? `${head(103)}\r\n`.repeat(1 + random.int(2)) : "";
  const parts = Array.from({ length: random.int(6) }, () => text("0\r\n\u00ffa", 200)).filter((part) => part !== "");
  const body = parts.join("");
  const start = interim + head(STATUSES[random.int(STATUSES.length)] as number); // one of them
  const endings: readonly Answer[] = [
    { bytes: `${start}${CHUNKED}\r\n\r\n${chunks(parts)}${maybe(50) ? lines(4) : ""}\r\n` },
    { bytes: `${start}\r\n${body}`, close: true },
    { bytes: `${start}Content-Length: ${body.length}\r\n\r\n${body}` },
  ];
  return { name, cuts, method: "GET", ...(endings[random.int(3)] as Answer) };
}

/** Chunks, without the line that ends their trailers. */
function chunks(parts: readonly string[]): string {
  return chunked(...parts).slice(0, -2);
}
