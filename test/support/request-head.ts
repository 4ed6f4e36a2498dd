// A request head as the server half has it, from text; also one that was given up in the middle.
import { HttpHead } from "../../src/protocols/http/head.ts";
import { Parse, parseRequestHead } from "../../src/protocols/http1/codec/parse-head.ts";

const LIMITS = { maxLineBytes: 4096, maxFieldsBytes: 8192, maxFields: 100 };

/** Parses as far as it goes. */
export function requestHead(text: string): HttpHead {
  const head = new HttpHead();
  const bytes = Buffer.from(text, "latin1");
  head.reset();
  head.begin(bytes, 0);
  if (parseRequestHead(head, bytes.length, LIMITS) === Parse.done) head.adopt();
  return head;
}
