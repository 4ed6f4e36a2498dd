// The chunked coding: what is encoded comes out whole; how it is cut changes nothing; and nothing is read that a second decoder refuses.
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCuts, cut, damaged } from "../support/arbitrary-bytes.ts";
import { Http1Reader } from "../support/http1-reader.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n";
const NEXT = "GET /next HTTP/1.1\r\nHost: web\r\n\r\n";

interface Decoded {
  readonly body: string;
  readonly complete: boolean;
  /** Requests read from what came after the body. */
  readonly after: number;
  readonly refused: boolean;
}

function decode(parts: readonly string[]): Decoded {
  const reader = new Http1Reader("request");
  for (const part of parts) reader.push(part);
  const [first, ...rest] = reader.seen;
  return {
    body: first?.body ?? "",
    complete: first?.complete ?? false,
    after: rest.length,
    refused: reader.problem !== null,
  };
}

/** RFC 9112 §7.1 in regular expressions; the length of the whole body in its coding, or null when it is incomplete or malformed. */
function reference(text: string): { body: string; length: number } | null {
  let body = "";
  let at = 0;
  for (;;) {
    const line = /^([0-9A-Fa-f]{1,13})(;[^\r\n\0]*)?\r\n/.exec(text.slice(at));
    if (line === null) return null;
    at += line[0].length;
    const size = Number.parseInt(line[1] as string, 16); // the group takes part in every match
    if (size === 0) break;
    if (text.length < at + size + 2 || text.slice(at + size, at + size + 2) !== "\r\n") return null;
    body += text.slice(at, at + size);
    at += size + 2;
  }
  const trailers = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n/.exec(text.slice(at));
  return trailers === null ? null : { body, length: at + trailers[0].length };
}

const anyText = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const extension = fc.constantFrom("", "", "", ";a", ";a=b", ';a="b c"', "; ieof");
const chunk = fc.record({ text: anyText, extension, upper: fc.boolean(), zeros: fc.nat(3) });
const trailer = fc.constantFrom("X-Sum: 1\r\n", "X-Other:\r\n", "x-third: a b\r\n");

type AnyChunk = { readonly text: string; readonly extension: string; readonly upper: boolean; readonly zeros: number };

function encode(chunks: readonly AnyChunk[], trailers: readonly string[]): string {
  const coded = chunks
    .filter(({ text }) => text !== "")
    .map(({ extension: ext, text, upper, zeros }) => {
      const size = text.length.toString(16);
      return `${"0".repeat(zeros)}${upper ? size.toUpperCase() : size}${ext}\r\n${text}\r\n`;
    });
  return `${coded.join("")}0\r\n${trailers.join("")}\r\n`;
}

test(
  "what is encoded comes out whole, and the next request behind it",
  () => {
    fc.assert(
      fc.property(
        fc.array(chunk, { maxLength: 6 }),
        fc.array(trailer, { maxLength: 2 }),
        anyCuts,
        (chunks, trailers, cuts) => {
          const body = chunks.map(({ text }) => text).join("");
          const parts = cut(HEAD + encode(chunks, trailers) + NEXT, cuts);
          expect(decode(parts)).toEqual({ body, complete: true, after: 1, refused: false });
        },
      ),
      fuzzing(2000),
    );
  },
  fuzzLimitMs,
);

const bodies = [
  "5\r\nhello\r\n0\r\n\r\n",
  "5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\n",
  "00A\r\n0123456789\r\n0\r\n\r\n",
  "3\r\nab",
];

test(
  "a damaged body is read the same however it is cut, and never otherwise than by a second decoder",
  () => {
    fc.assert(
      fc.property(damaged(bodies), anyCuts, (text, cuts) => {
        const whole = decode([HEAD + text]);
        expect(decode(cut(HEAD + text, cuts))).toEqual(whole);
        const known = reference(text);
        if (whole.complete) expect(known?.body).toBe(whole.body);
        else if (known !== null) expect(whole.refused).toBe(true); // stricter is right, more lenient never
      }),
      fuzzing(6000),
    );
  },
  fuzzLimitMs,
);
