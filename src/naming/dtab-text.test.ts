import fc from "fast-check";
import { expect, test } from "vitest";
import { dtabFrom } from "./dtab-parser.ts";
import { DtabText } from "./dtab-text.ts";

function read(from: DtabText, text: string): DtabText {
  const reading = from.next(text);
  for (;;) {
    const step = reading.next();
    if (step.done === true) return step.value;
  }
}

const piece = fc.oneof(
  fc.constantFrom(
    "/a => /b",
    "/svc/x => /$/inet/h/1 | !",
    "/a/* => 2 * /b & 1 * /c",
    "# a ; comment\n",
    " ",
    "\n",
    "",
    "/c => /d # ;;\n",
  ),
  fc.nat(9).map((i) => `/svc/s${i} => /s${i}`),
);
const text = fc.array(fc.oneof(piece, fc.constant(";\n")), { maxLength: 30 }).map((pieces) => pieces.join(";"));

test("what is read from one text to the next is what is read from nothing", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
      let last = DtabText.empty;
      for (const written of texts) {
        last = read(last, written);
        expect(last.dtab.key()).toBe(dtabFrom(written).key());
      }
    }),
    { numRuns: 500 },
  );
});

test("a change in the middle, at the beginning or at the end keeps the other rules as the objects they are", () => {
  const rules = (count: number) => Array.from({ length: count }, (_, i) => `/svc/s${i} => /host/s${i}`);
  const before = read(DtabText.empty, `${rules(1000).join(";\n")};\n`);
  const lines = rules(1000);
  for (const at of [0, 1, 500, 999, 1000]) {
    const changed = lines.toSpliced(at, 0, "/svc/new => /host/new");
    const after = read(before, `${changed.join(";\n")};\n`);
    expect(after.dtab.entries.length).toBe(1001);
    const known = new Set(before.dtab.entries);
    expect(after.dtab.entries.filter((entry) => !known.has(entry)).length).toBeLessThanOrEqual(2);
  }
});

test("an edit within a comment that looks like a rule's end is read as what it is", () => {
  const before = read(DtabText.empty, "/a => /b # x; /c => /d\n; /e => /f");
  expect(read(before, "/a => /b # x\n; /c => /d\n; /e => /f").dtab.show()).toBe(
    dtabFrom("/a => /b; /c => /d; /e => /f").show(),
  );
});
