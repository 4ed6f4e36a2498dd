import fc from "fast-check";
import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { seededRandom } from "../../base/random.ts";
import { TraceId } from "../../core/trace-id.ts";
import { putB3Lines, readB3 } from "./b3-headers.ts";

type Fields = Readonly<Record<string, string>>;

const TRACE = "80f198ee56343ba8";
const WIDE = "463ac35c9f6413ad48485a3953bb6124";
const SPAN = "05e3ac9a4f6e3b90";
const PARENT = "e457b5a2e4d86bd1";
const IDS = { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN, "x-b3-parentspanid": PARENT };

function requests(fields: Fields) {
  const pairs = Object.entries(fields);
  const lowered = pairs.map(([name, value]) => [name.toLowerCase(), value] as const); // as HTTP/2 has them
  const lines = pairs.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return [
    requestHead(`GET / HTTP/1.1\r\nHost: web\r\n${lines}\r\n`),
    new PlainHttp2Request("GET", "/", "web", lowered),
  ];
}

function read(message: ReturnType<typeof requests>[number]): TraceId {
  const trace = new TraceId();
  trace.b3 = true;
  readB3(trace, message);
  return trace;
}

/** What the service is told. */
function written(trace: TraceId): Record<string, string> {
  const buffer = Buffer.alloc(512);
  const lines = buffer.toString("latin1", 0, putB3Lines(trace, buffer, 0)).split("\r\n");
  expect(lines.pop()).toBe("");
  return Object.fromEntries(lines.map((line) => line.split(": ") as [string, string]));
}

/** What the next hop is told of a request with these fields; the same in both versions. */
function passedOn(fields: Fields): Record<string, string> {
  const [first, second] = requests(fields).map((message) => {
    const trace = read(message);
    trace.next(seededRandom(7));
    return written(trace);
  }) as [Record<string, string>, Record<string, string>];
  expect(first).toEqual(second);
  return first;
}

/** What goes on of the ids, when they are taken. */
const child = (traceId: string) => ({
  "x-b3-traceid": traceId,
  "x-b3-spanid": expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  "x-b3-parentspanid": SPAN,
});
const root = {
  "x-b3-traceid": expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  "x-b3-spanid": expect.stringMatching(/^[0-9a-f]{16}$/) as string,
};

// The values are those of Linkerd's own tests and of the B3 specification.
test.each<[string, Fields, object]>([
  ["64 bits, sampled", { ...IDS, "x-b3-sampled": "1" }, { ...child(TRACE), "x-b3-sampled": "1" }],
  ["64 bits, not sampled", { ...IDS, "x-b3-sampled": "0" }, { ...child(TRACE), "x-b3-sampled": "0" }],
  ["64 bits, true", { ...IDS, "x-b3-sampled": "true" }, { ...child(TRACE), "x-b3-sampled": "1" }],
  ["64 bits, False", { ...IDS, "x-b3-sampled": "False" }, { ...child(TRACE), "x-b3-sampled": "0" }],
  ["64 bits, undecided", IDS, child(TRACE)],
  ["debug", { ...IDS, "x-b3-flags": "1" }, { ...child(TRACE), "x-b3-flags": "1" }],
  [
    "debug, whatever sampled says",
    { ...IDS, "x-b3-flags": "1", "x-b3-sampled": "0" },
    { ...child(TRACE), "x-b3-flags": "1" },
  ],
  [
    "no debug by flags of 0",
    { ...IDS, "x-b3-flags": "0", "x-b3-sampled": "1" },
    { ...child(TRACE), "x-b3-sampled": "1" },
  ],
  [
    "flags as Finagle sums them",
    { ...IDS, "x-b3-flags": "6", "x-b3-sampled": "true" },
    { ...child(TRACE), "x-b3-sampled": "1" },
  ],
  ["128 bits", { ...IDS, "x-b3-traceid": WIDE, "x-b3-sampled": "1" }, { ...child(WIDE), "x-b3-sampled": "1" }],
  [
    "128 bits of which the upper are 0",
    { ...IDS, "x-b3-traceid": `${"0".repeat(16)}${TRACE}` },
    child(`${"0".repeat(16)}${TRACE}`),
  ],
  [
    "capitals",
    { "X-B3-TRACEID": WIDE.toUpperCase(), "X-B3-SPANID": SPAN.toUpperCase(), "X-B3-SAMPLED": "TRUE" },
    { ...child(WIDE), "x-b3-sampled": "1" },
  ],
  ["zeros left out", { "x-b3-traceid": "abc", "x-b3-spanid": SPAN.slice(1) }, child("0000000000000abc")],
  ["no parent", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN }, child(TRACE)],
  ["b3", { b3: `${WIDE}-${SPAN}` }, child(WIDE)],
  ["b3, sampled", { b3: `${WIDE}-${SPAN}-1` }, { ...child(WIDE), "x-b3-sampled": "1" }],
  ["b3, not sampled, parent", { b3: `${TRACE}-${SPAN}-0-${PARENT}` }, { ...child(TRACE), "x-b3-sampled": "0" }],
  ["b3, debug", { b3: `${WIDE}-${SPAN}-d-${PARENT}` }, { ...child(WIDE), "x-b3-flags": "1" }],
  [
    "b3 before the others",
    { ...IDS, "x-b3-sampled": "1", b3: `${WIDE}-${SPAN}-0` },
    { ...child(WIDE), "x-b3-sampled": "0" },
  ],
  ["b3, a word alone", { b3: "0" }, { ...root, "x-b3-sampled": "0" }],
  ["a word without ids holds for the trace that begins", { "x-b3-sampled": "1" }, { ...root, "x-b3-sampled": "1" }],
  ["debug without ids", { "x-b3-flags": "1" }, { ...root, "x-b3-flags": "1" }],
  ["nothing", {}, root],
])("%s", (_, fields, expected) => {
  expect(passedOn(fields)).toEqual(expected);
});

test.each<[string, Fields]>([
  ["no span", { "x-b3-traceid": WIDE }],
  ["no trace", { "x-b3-spanid": SPAN }],
  ["an empty id", { ...IDS, "x-b3-traceid": "" }],
  ["zeros", { ...IDS, "x-b3-traceid": "0".repeat(32) }],
  ["a span of zeros", { ...IDS, "x-b3-spanid": "0" }],
  ["33 digits", { ...IDS, "x-b3-traceid": `${WIDE}0` }],
  ["a span of 17", { ...IDS, "x-b3-spanid": `${SPAN}0` }],
  ["other letters", { ...IDS, "x-b3-traceid": "80f198ee56343bag" }],
  ["signs", { ...IDS, "x-b3-spanid": "-5e3ac9a4f6e3b90" }],
  ["something long", { ...IDS, "x-b3-traceid": "a".repeat(5000) }],
  ["b3 of five", { b3: `${TRACE}-${SPAN}-1-${PARENT}-1` }],
  ["b3 without a span", { b3: `${WIDE}-` }],
  ["b3 of dashes", { b3: "---" }],
  ["b3 of nothing", { b3: "" }],
  ["words that are none", { "x-b3-sampled": "yes", "x-b3-flags": "true" }],
])("Malformed ids read as none: %s", (_, fields) => {
  const next = passedOn(fields);
  expect(next).toEqual(root);
  expect(next["x-b3-traceid"]).toBe(next["x-b3-spanid"]);
});

test("What was written reads as the same trace", () => {
  const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits - 1}}[1-9a-f]$`));
  fc.assert(
    fc.property(fc.oneof(hex(16), hex(32)), hex(16), fc.constantFrom("", "0", "1", "d"), (traceId, span, word) => {
      const [message] = requests({ b3: `${traceId}-${span}${word === "" ? "" : `-${word}`}` });
      const trace = read(message!);
      expect(written(trace)).toMatchObject({ "x-b3-traceid": traceId, "x-b3-spanid": span });
      trace.next(seededRandom(1));
      const said = written(trace);
      const [again] = requests(said);
      expect(written(read(again!))).toEqual(said);
    }),
  );
});

test.each<[string, Fields, string | undefined]>([
  ["told", IDS, PARENT],
  ["told in b3", { b3: `${TRACE}-${SPAN}-1-${PARENT}` }, PARENT],
  ["not told", { "x-b3-traceid": TRACE, "x-b3-spanid": SPAN }, undefined],
  ["malformed", { ...IDS, "x-b3-parentspanid": "what?" }, undefined],
])("The parent of the caller's span is known to who reports it: %s", (_, fields, parent) => {
  for (const message of requests(fields)) expect(written(read(message))["x-b3-parentspanid"]).toBe(parent);
});

test("Whatever stands in the headers, often and in both forms, both versions read the same, and what goes on is well-formed", () => {
  const piece = fc.constantFrom(
    TRACE,
    WIDE,
    SPAN,
    PARENT,
    "0",
    "000",
    "d",
    "1",
    "-",
    "--",
    "true",
    "\xff",
    "f".repeat(17),
    "f".repeat(200),
    ",",
    " ",
  );
  const value = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join("").trim());
  const name = fc.constantFrom("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (pairs) => {
      const lines = pairs.map(([each, text]) => `${each.toUpperCase()}: ${text}\r\n`).join("");
      const [first, second] = [
        requestHead(`GET / HTTP/1.1\r\nHost: web\r\n${lines}\r\n`),
        new PlainHttp2Request("GET", "/", "web", pairs),
      ].map((message) => {
        const trace = read(message);
        trace.next(seededRandom(7));
        return trace;
      });
      expect(first).toEqual(second);
      for (const [key, text] of Object.entries(written(first as TraceId))) {
        if (key === "x-b3-traceid") expect(text).toMatch(/^(?!0+$)(?:[0-9a-f]{16}){1,2}$/);
        else if (key === "x-b3-sampled" || key === "x-b3-flags") expect(text).toMatch(/^[01]$/);
        else expect(text).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
      }
    }),
    { numRuns: 2000, seed: 7 },
  );
});
