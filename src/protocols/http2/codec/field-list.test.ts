import { describe, expect, test } from "vitest";
import { FieldList } from "./field-list.ts";
import { FieldName } from "./field-name.ts";
import { type HeaderField, Indexing, plainField } from "./header-field.ts";
import { encodeHuffman } from "./huffman.ts";

const MANY = 1_000_000;
const SECRET = "a-secret-of-its-sender";
const NAME = new FieldName("x-a", "x-a", false);
const KEPT_BYTES = 4096;
const KEPT_FIELDS = 64;

interface Bounds {
  readonly maxFields?: number;
  readonly maxBytes?: number;
}

/** Adds a value that is not remembered, from memory that is overwritten behind it. */
function own(
  list: FieldList,
  value: string,
  { maxBytes = MANY, maxFields = MANY }: Bounds = {},
  huffman = false,
): boolean {
  const source = Buffer.from(`<${huffman ? encodeHuffman(value) : value}>`, "latin1");
  const fine = list.addOwn(NAME, Indexing.never, huffman, source, 1, source.length - 1, maxFields, maxBytes);
  source.fill(0xdb);
  return fine;
}

const fieldsOf = (list: FieldList): HeaderField[] => list.fields.slice(0, list.count);
const values = (list: FieldList): string[] => fieldsOf(list).map(({ value }) => value);

describe("FieldList", () => {
  test("keeps fields in order, those remembered elsewhere and those of its own", () => {
    const list = new FieldList();
    const known = plainField("x-b", "known", Indexing.incremental);
    expect(own(list, "first")).toBe(true);
    list.add(known, MANY, MANY);
    own(list, "third", {}, true);
    expect(values(list)).toEqual(["first", "known", "third"]);
    expect(list.fields[1]).toBe(known);
    expect(fieldsOf(list).map(({ indexing, number }) => [indexing, number > 0])).toEqual([
      [Indexing.never, false],
      [Indexing.incremental, true],
      [Indexing.never, false],
    ]);
    expect(list.size).toBe(3 * (32 + 3) + 15);
  });

  test("keeps values when its memory grows under them", () => {
    const list = new FieldList();
    const expected = Array.from({ length: 300 }, (_, n) => `value number ${n}`);
    for (const value of expected) own(list, value);
    expect(values(list)).toEqual(expected);
  });

  test("takes as many fields as it may, and says when there were more", () => {
    const list = new FieldList();
    for (const value of ["1", "2"]) own(list, value, { maxFields: 2 });
    expect(list.tooLarge).toBe(false);
    list.add(plainField("a", "b", Indexing.without), 2, MANY);
    expect([list.tooLarge, list.count]).toEqual([true, 2]);
    expect(own(list, "4", { maxFields: 2 })).toBe(true);
    expect(values(list)).toEqual(["1", "2"]);
  });

  test("takes as many octets as it may, counted as RFC 9113 §6.5.2 does", () => {
    const list = new FieldList();
    own(list, "12345", { maxBytes: 80 }); // 3 + 5 + 32
    own(list, "12345", { maxBytes: 80 });
    expect([list.size, list.tooLarge, list.count]).toEqual([80, false, 2]);
    own(list, "", { maxBytes: 80 });
    expect([list.tooLarge, list.count]).toEqual([true, 2]);
  });

  test("counts what a value in Huffman code unpacks to", () => {
    const list = new FieldList();
    own(list, "0".repeat(160), { maxBytes: 194 }, true); // 100 octets on the wire, 195 in the list
    expect([list.tooLarge, list.count]).toEqual([true, 0]);
  });

  test("takes no small field behind one that was too large", () => {
    const list = new FieldList();
    own(list, "x".repeat(100), { maxBytes: 80 });
    list.add(plainField("a", "b", Indexing.without), MANY, 80);
    own(list, "c", { maxBytes: 80 });
    expect([list.tooLarge, list.count]).toEqual([true, 0]);
  });

  test("refuses a value that is no Huffman code", () => {
    const list = new FieldList();
    expect(list.addOwn(NAME, Indexing.never, true, Buffer.of(0xff), 0, 1, MANY, MANY)).toBe(false);
    expect(list.count).toBe(0);
  });

  test("refuses it behind too many fields as well", () => {
    const list = new FieldList();
    own(list, "x", { maxFields: 0 });
    const broken = Buffer.from([0xff]); // eight bits of padding
    expect(list.addOwn(NAME, Indexing.without, true, broken, 0, 1, MANY, MANY)).toBe(false);
    expect(list.addOwn(NAME, Indexing.without, false, broken, 0, 1, MANY, MANY)).toBe(true);
    expect(own(list, "fine", {}, true)).toBe(true);
    expect(list.count).toBe(0);
  });

  test("is as new when it was cleared", () => {
    const list = new FieldList();
    own(list, "x".repeat(100), { maxFields: 0 });
    list.clear();
    expect(list).toMatchObject({ count: 0, size: 0, tooLarge: false });
    own(list, "again");
    expect(values(list)).toEqual(["again"]);
  });

  test("lets go of much memory when it is cleared, and of many fields", () => {
    const list = new FieldList();
    own(list, "x".repeat(3 * KEPT_BYTES));
    for (let n = 0; n < 3 * KEPT_FIELDS; n++) own(list, String(n));
    list.clear();
    expect(list.fields.length).toBeLessThanOrEqual(KEPT_FIELDS);
    own(list, "a");
    expect(list.fields[0]?.bytes.length).toBeLessThanOrEqual(KEPT_BYTES);
  });
});

describe("nothing is left of a secret when a list was cleared", () => {
  const traces = (list: FieldList, held: readonly HeaderField[]): string[] =>
    [...held, ...list.fields.filter((field) => field !== undefined)].map(
      (field) => `${field.raw ?? ""} ${field.value} ${field.bytes.toString("latin1")}`,
    );

  test("in its fields, read before or not", () => {
    for (const read of [false, true]) {
      const list = new FieldList();
      for (const huffman of [false, true]) own(list, SECRET, {}, huffman);
      const held = fieldsOf(list);
      if (read) expect(values(list)).toEqual([SECRET, SECRET]);
      list.clear();
      expect(traces(list, held).join("")).not.toContain("secret");
      expect(list.fields.slice(0, list.count)).toEqual([]);
    }
  });

  test("in its memory, which the next message uses", () => {
    const list = new FieldList();
    own(list, SECRET);
    const { bytes } = list.fields[0] as HeaderField; // just added
    expect(bytes.toString("latin1")).toContain(SECRET);
    list.clear();
    expect(bytes.subarray(0, SECRET.length).every((octet) => octet === 0)).toBe(true);
    own(list, "a");
    expect(list.fields[0]?.bytes).toBe(bytes);
  });

  test("in the memory it stood in before that was too small, or was too much to keep", () => {
    for (const many of [1, 10, 100]) {
      const list = new FieldList();
      const memories = new Set<Buffer>();
      own(list, SECRET);
      for (let n = 0; n < many; n++) {
        memories.add((list.fields[0] as HeaderField).bytes); // the first field
        own(list, "x".repeat(200));
      }
      memories.add((list.fields[0] as HeaderField).bytes); // as it is now
      expect(list.fields[0]?.value).toBe(SECRET);
      expect(new Set(fieldsOf(list).map(({ bytes }) => bytes)).size).toBe(1);
      list.clear();
      for (const bytes of memories) expect(bytes.toString("latin1")).not.toContain(SECRET);
    }
  });

  test("where it was one value among many, of which some were too many", () => {
    const list = new FieldList();
    for (let n = 0; n < 3 * KEPT_FIELDS; n++) own(list, SECRET, { maxFields: KEPT_FIELDS });
    const held = fieldsOf(list);
    list.clear();
    expect(traces(list, held).join("")).not.toContain("secret");
  });
});

describe("copyFrom", () => {
  test("takes over fields that outlive the list they came from, and the memory they stood in", () => {
    const source = new FieldList();
    const known = plainField("x-b", "known", Indexing.incremental);
    own(source, SECRET);
    source.add(known, MANY, MANY);
    own(source, "coded value", {}, true);
    const copy = new FieldList();
    own(copy, "what was there before");
    copy.copyFrom(source);
    const { size } = source;
    source.clear();
    own(source, "x".repeat(60));
    own(source, "something else");
    expect(values(copy)).toEqual([SECRET, "known", "coded value"]);
    expect(copy.fields[1]).toBe(known);
    expect(copy.size).toBe(size);
    expect(fieldsOf(copy).map(({ indexing }) => indexing)).toEqual([
      Indexing.never,
      Indexing.incremental,
      Indexing.never,
    ]);
    expect(copy.fields[0]).not.toBe(source.fields[0]);
  });

  test("keeps verdicts, that on a value and that on the whole", () => {
    const source = new FieldList();
    own(source, " a");
    own(source, "b", { maxFields: 1 });
    const copy = new FieldList();
    copy.copyFrom(source);
    expect(copy.fields[0]?.malformed).toBe(true);
    expect([copy.tooLarge, copy.count]).toEqual([true, 1]);
  });

  test("of an empty list empties the copy", () => {
    const copy = new FieldList();
    own(copy, SECRET);
    copy.copyFrom(new FieldList());
    expect([copy.count, copy.size]).toEqual([0, 0]);
  });
});
