// Damaged messages, and ways to cut them, for fuzz tests. Text is one character per byte.
import fc from "fast-check";

/** What attacks on framing are made of. */
const SCRAPS = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ",",
  ";",
  "\x0b",
  "\x7f",
  "\xff",
  "#",
  "\\",
  "%00",
  "0\r\n\r\n",
  "5\r\nhello\r\n",
  "ffffffffffffffff\r\n",
  "0x5",
  "+5",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: identity, chunked\r\n",
  "Connection: close\r\n",
  "Connection: keep-alive, l5d-ctx-trace\r\n",
  "Expect: 100-continue\r\n",
  "Host: web\r\n",
  "Upgrade: h2c\r\n",
  "TE: trailers\r\n",
  "l5d-dtab: /svc => /x\r\n",
  " HTTP/1.0\r\n",
  " HTTP/1.1\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: web\r\n\r\n",
];

const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const scrap = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SCRAPS) }, anyByte);
const edit = fc.record({ at: fc.nat(), removed: fc.nat(20), inserted: fc.oneof(fc.constant(""), scrap) });

/** One of the texts, or several joined, with a few changes. */
export function damaged(texts: readonly string[]): fc.Arbitrary<string> {
  const text = fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
  return fc.tuple(text, fc.array(edit, { maxLength: 4 })).map(([whole, edits]) =>
    edits.reduce((changed, { at, inserted, removed }) => {
      const from = at % (changed.length + 1);
      return changed.slice(0, from) + inserted + changed.slice(from + removed);
    }, whole),
  );
}

/** Scraps without any order. */
export const anyScraps: fc.Arbitrary<string> = fc.array(scrap, { maxLength: 40 }).map((parts) => parts.join(""));

/** Where a text is cut: fractions of its length. */
export const anyCuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 });

/** The parts of a text that is cut at these fractions. */
export function cut(text: string, fractions: readonly number[]): string[] {
  const places = [...new Set(fractions.map((fraction) => Math.floor(fraction * text.length)))].toSorted(
    (a, b) => a - b,
  );
  return [...places, text.length]
    .map((place, i) => text.slice(places[i - 1] ?? 0, place))
    .filter((part) => part !== "");
}
