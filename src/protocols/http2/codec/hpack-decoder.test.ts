import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldList } from "./field-list.ts";
import { FieldNames } from "./field-name.ts";
import { HeaderFields, Indexing } from "./header-field.ts";
import { type BlockLimits, HpackDecoder } from "./hpack-decoder.ts";
import { encodeHuffman } from "./huffman.ts";
import { putInteger } from "./integer.ts";
import { FIRST_DYNAMIC, STATIC_TABLE } from "./static-table.ts";

const NO_LIMITS: BlockLimits = { maxFields: 10_000, maxBytes: 10_000_000 };
const HOW = {
  [Indexing.incremental]: "indexed",
  [Indexing.without]: "not indexed",
  [Indexing.never]: "never",
} as const;

/** A decoder as a test talks to it. */
class Reader {
  readonly decoder: HpackDecoder;
  readonly list = new FieldList();

  constructor(allowedBytes = 4096) {
    this.decoder = new HpackDecoder({ names: new FieldNames(), fields: new HeaderFields() }, allowedBytes);
  }

  /** Fields as `name: value`, null for a malformed block. The block's octets are overwritten behind it. */
  read(block: Buffer | string, limits = NO_LIMITS): string[] | null {
    const bytes = typeof block === "string" ? Buffer.from(block.replaceAll(" ", ""), "hex") : block;
    const buffer = Buffer.concat([Buffer.of(0x82), bytes, Buffer.of(0x82)]);
    this.list.clear();
    const fine = this.decoder.decode(buffer, 1, buffer.length - 1, this.list, limits);
    buffer.fill(0xdb);
    if (!fine) return null;
    return this.list.fields.slice(0, this.list.count).map((field) => `${field.name.text}: ${field.value}`);
  }

  how(): string[] {
    return this.list.fields.slice(0, this.list.count).map(({ indexing }) => HOW[indexing]);
  }

  /** The dynamic table, newest first: what every index stands for until one stands for nothing. */
  table(): string[] {
    const entries: string[] = [];
    for (let index = FIRST_DYNAMIC; ; index++) {
      const [entry] = this.read(integer(0x80, 7, index)) ?? [];
      if (entry === undefined) return entries;
      entries.push(entry);
    }
  }
}

function integer(first: number, bits: number, value: number): Buffer {
  const buffer = Buffer.alloc(8);
  return buffer.subarray(0, putInteger(buffer, 0, first, bits, value));
}

function text(value: string, huffman = false): Buffer {
  const coded = huffman ? encodeHuffman(value) : value;
  return Buffer.concat([integer(huffman ? 0x80 : 0, 7, coded.length), Buffer.from(coded, "latin1")]);
}

const FIRST = { [Indexing.incremental]: 0x40, [Indexing.without]: 0, [Indexing.never]: 0x10 } as const;

/** A literal with its name spelt out. */
function literal(indexing: Indexing, name: string, value: string, huffman = false): Buffer {
  return Buffer.concat([Buffer.of(FIRST[indexing]), text(name, huffman), text(value, huffman)]);
}

const insert = (name: string, value: string): Buffer => literal(Indexing.incremental, name, value);
const resize = (bytes: number): Buffer => integer(0x20, 5, bytes);
const index = (at: number): Buffer => integer(0x80, 7, at);

interface Step {
  readonly hex: string;
  readonly fields: readonly string[];
  readonly bytes: number;
  readonly table: readonly string[];
}

const CUSTOM = "custom-key: custom-header";
const WWW = ":authority: www.example.com";
const REQUEST_1 = [":method: GET", ":scheme: http", ":path: /", WWW];
const REQUEST_2 = [...REQUEST_1, "cache-control: no-cache"];
const REQUEST_3 = [":method: GET", ":scheme: https", ":path: /index.html", WWW, "custom-key: custom-value"];
const DATE = "date: Mon, 21 Oct 2013 20:13:21 GMT";
const LATER = "date: Mon, 21 Oct 2013 20:13:22 GMT";
const PRIVATE = "cache-control: private";
const LOCATION = "location: https://www.example.com";
const COOKIE = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const GZIP = "content-encoding: gzip";

const requests = (hex: readonly [string, string, string]): Step[] => [
  { hex: hex[0], fields: REQUEST_1, bytes: 57, table: [WWW] },
  { hex: hex[1], fields: REQUEST_2, bytes: 110, table: ["cache-control: no-cache", WWW] },
  { hex: hex[2], fields: REQUEST_3, bytes: 164, table: ["custom-key: custom-value", "cache-control: no-cache", WWW] },
];

const answers = (hex: readonly [string, string, string]): Step[] => [
  {
    hex: hex[0],
    fields: [":status: 302", PRIVATE, DATE, LOCATION],
    bytes: 222,
    table: [LOCATION, DATE, PRIVATE, ":status: 302"],
  },
  {
    hex: hex[1],
    fields: [":status: 307", PRIVATE, DATE, LOCATION],
    bytes: 222,
    table: [":status: 307", LOCATION, DATE, PRIVATE],
  },
  {
    hex: hex[2],
    fields: [":status: 200", PRIVATE, LATER, LOCATION, GZIP, COOKIE],
    bytes: 215,
    table: [COOKIE, GZIP, LATER],
  },
];

describe("RFC 7541 Appendix C", () => {
  test.each<{ what: string; allowed: number; steps: readonly Step[] }>([
    {
      what: "C.2.1, a literal that is indexed",
      allowed: 4096,
      steps: [
        {
          hex: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
          fields: [CUSTOM],
          bytes: 55,
          table: [CUSTOM],
        },
      ],
    },
    {
      what: "C.2.2, a literal that is not",
      allowed: 4096,
      steps: [{ hex: "040c 2f73 616d 706c 652f 7061 7468", fields: [":path: /sample/path"], bytes: 0, table: [] }],
    },
    {
      what: "C.2.3, a literal that never is",
      allowed: 4096,
      steps: [{ hex: "1008 7061 7373 776f 7264 0673 6563 7265 74", fields: ["password: secret"], bytes: 0, table: [] }],
    },
    { what: "C.2.4, an index", allowed: 4096, steps: [{ hex: "82", fields: [":method: GET"], bytes: 0, table: [] }] },
    {
      what: "C.3, requests",
      allowed: 4096,
      steps: requests([
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
      ]),
    },
    {
      what: "C.4, requests in Huffman code",
      allowed: 4096,
      steps: requests([
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
      ]),
    },
    {
      what: "C.5, answers with a table that is too small for them",
      allowed: 256,
      steps: answers([
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
      ]),
    },
    {
      what: "C.6, answers in Huffman code",
      allowed: 256,
      steps: answers([
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
      ]),
    },
  ])("$what", ({ allowed, steps }) => {
    const reader = new Reader(allowed);
    for (const { bytes, fields, hex, table } of steps) {
      expect(reader.read(hex)).toEqual(fields);
      expect(reader.decoder.tableBytes).toBe(bytes);
      expect(reader.table()).toEqual(table);
    }
  });
});

test("the static table is RFC 7541's, and every index of it stands for its entry", () => {
  const reader = new Reader();
  expect(STATIC_TABLE).toHaveLength(61);
  expect([STATIC_TABLE[0], STATIC_TABLE[15], STATIC_TABLE[60]]).toEqual([
    [":authority", ""],
    ["accept-encoding", "gzip, deflate"],
    ["www-authenticate", ""],
  ]);
  for (const [i, [name, value]] of STATIC_TABLE.entries()) {
    expect(reader.read(index(i + 1))).toEqual([`${name}: ${value}`]);
    expect(reader.list.fields[0]?.staticIndex).toBe(i + 1);
  }
});

describe("a block is malformed", () => {
  test.each([
    { what: "that refers to index 0 (§6.1)", hex: "80" },
    { what: "that refers to an entry behind the static table when there is none", hex: "be" },
    { what: "that refers to an entry far beyond", hex: "ffffffff0f" },
    { what: "with an index that does not end", hex: "ffffff" },
    { what: "with a name beyond the table, indexed", hex: "7e 01 61" },
    { what: "with a name beyond the table, not indexed", hex: "0f2f 01 61" },
    { what: "with a name beyond the table, never indexed", hex: "1f2f 01 61" },
    { what: "that ends behind the kind of a literal", hex: "40" },
    { what: "that ends in a name", hex: "40 0a 6375" },
    { what: "that ends behind a name", hex: "40 01 61" },
    { what: "that ends in a value", hex: "40 01 61 02 62" },
    { what: "that ends behind a name of the table", hex: "41" },
    { what: "with a length that is longer than any", hex: "40 01 61 7f ffffffff7f" },
    { what: "with a value in no Huffman code: EOS", hex: "40 01 61 84 ffffffff" },
    { what: "with a value in no Huffman code: too much padding", hex: "40 01 61 82 1fff" },
    { what: "with a value in no Huffman code, not indexed", hex: "00 01 61 81 ff" },
    { what: "with a value in no Huffman code, never indexed", hex: "10 01 61 81 ff" },
    { what: "with a name in no Huffman code", hex: "40 81 ff 01 61" },
    { what: "with a size update behind a field (§4.2)", hex: "82 20" },
    { what: "with a size update larger than allowed (§6.3)", hex: "3fe2 1f" },
    { what: "with a size update that does not end", hex: "3fff" },
  ])("$what", ({ hex }) => {
    expect(new Reader().read(hex)).toBeNull();
    expect(new Reader().read(`82 ${hex}`)).toBeNull();
  });
});

test("an empty block has no fields, and empty names and values are read", () => {
  const reader = new Reader();
  expect(reader.read("")).toEqual([]);
  expect(reader.read("40 00 00")).toEqual([": "]);
  expect(reader.list.fields[0]?.name.malformed).toBe(true);
  expect(reader.read("00 80 80")).toEqual([": "]);
  expect(reader.decoder.tableBytes).toBe(32);
});

describe("the size of the table", () => {
  test("may be announced at the beginning of a block, any number of times, up to what is allowed", () => {
    const reader = new Reader(4096);
    expect(reader.read(Buffer.concat([resize(0), resize(4096), insert("a", "b")]))).toEqual(["a: b"]);
    expect(reader.table()).toEqual(["a: b"]);
    expect(reader.read(resize(4097))).toBeNull();
  });

  test("evicts what does not fit when it becomes smaller, and what was evicted does not come back", () => {
    const reader = new Reader();
    reader.read(Buffer.concat([insert("a", "1"), insert("b", "2"), insert("c", "3")]));
    expect(reader.read(resize(2 * 34))).toEqual([]);
    expect(reader.table()).toEqual(["c: 3", "b: 2"]);
    reader.read(resize(67));
    expect(reader.table()).toEqual(["c: 3"]);
    reader.read(resize(4096));
    expect(reader.table()).toEqual(["c: 3"]);
    reader.read(resize(0));
    expect(reader.decoder.tableBytes).toBe(0);
    expect(reader.table()).toEqual([]);
  });

  test("must be announced in the next block after we have allowed less than is used (§4.2)", () => {
    const less = (): Reader => {
      const reader = new Reader();
      reader.decoder.allow(100);
      return reader;
    };
    expect(less().read("82")).toBeNull();
    expect(less().read(literal(Indexing.without, "a", "b"))).toBeNull();
    expect(less().read(Buffer.concat([resize(101), Buffer.of(0x82)]))).toBeNull();
    const reader = less();
    expect(reader.read(Buffer.concat([resize(100), Buffer.of(0x82)]))).toEqual([":method: GET"]);
    expect(reader.read("82")).toEqual([":method: GET"]);
  });

  test("need not be announced when we have allowed more, or no less than is used", () => {
    const reader = new Reader(100);
    reader.decoder.allow(4096);
    expect(reader.read("82")).toEqual([":method: GET"]);
    reader.read(resize(50));
    reader.decoder.allow(50);
    expect(reader.read("82")).toEqual([":method: GET"]);
  });

  test("that we allow is not used before it is announced", () => {
    const reader = new Reader(34);
    reader.decoder.allow(4096);
    reader.read(Buffer.concat([insert("a", "1"), insert("b", "2")]));
    expect(reader.table()).toEqual(["b: 2"]);
    reader.read(Buffer.concat([resize(4096), insert("c", "3")]));
    expect(reader.table()).toEqual(["c: 3", "b: 2"]);
  });
});

describe("the dynamic table", () => {
  test("keeps an entry that fits exactly, and evicts the oldest first", () => {
    const reader = new Reader(2 * 34);
    reader.read(Buffer.concat([insert("a", "1"), insert("b", "2")]));
    expect(reader.table()).toEqual(["b: 2", "a: 1"]);
    reader.read(insert("c", "3"));
    expect(reader.table()).toEqual(["c: 3", "b: 2"]);
    reader.read(insert("dd", "44"));
    expect(reader.table()).toEqual(["dd: 44"]);
  });

  test("is emptied by an entry that is larger than itself, which is no error (§4.4)", () => {
    const reader = new Reader(68);
    reader.read(insert("a", "1"));
    expect(reader.read(insert("b", "x".repeat(36)))).toEqual([`b: ${"x".repeat(36)}`]);
    expect(reader.table()).toEqual([]);
    expect(reader.decoder.tableBytes).toBe(0);
    reader.read(insert("b", "x".repeat(35)));
    expect(reader.decoder.tableBytes).toBe(68);
  });

  test("holds nothing when its size is 0", () => {
    const reader = new Reader(0);
    expect(reader.read(insert("a", "1"))).toEqual(["a: 1"]);
    expect(reader.read("40 00 00")).toEqual([": "]);
    expect(reader.table()).toEqual([]);
  });

  test("lends a name to the very field that evicts it (§4.4)", () => {
    const reader = new Reader(60);
    reader.read(insert("name", "first"));
    expect(reader.read(Buffer.concat([integer(0x40, 6, FIRST_DYNAMIC), text("second and longer")]))).toEqual([
      "name: second and longer",
    ]);
    expect(reader.table()).toEqual(["name: second and longer"]);
  });

  test("counts a value in Huffman code by its own octets, one that may not stand in a message too", () => {
    const reader = new Reader();
    reader.read(literal(Indexing.incremental, "custom-key", "custom-value", true));
    expect(reader.decoder.tableBytes).toBe(54);
    reader.read(literal(Indexing.incremental, "a", "b\nc", true));
    expect(reader.list.fields[0]?.malformed).toBe(true);
    expect(reader.decoder.tableBytes).toBe(54 + 36);
    expect(reader.table()).toEqual(["a: b\nc", "custom-key: custom-value"]);
  });

  test("holds as many entries as its size has room for", () => {
    const reader = new Reader();
    const most = 4096 / 32;
    for (let n = 0; n < 3 * most; n++) reader.read("40 00 00");
    expect([reader.table().length, reader.decoder.tableBytes]).toEqual([most, 4096]);
  });

  test("keeps its order when it grows", () => {
    const reader = new Reader();
    const entries = Array.from({ length: 110 }, (_, n) => `a: ${n}`);
    for (let n = 0; n < 110; n++) reader.read(insert("a", String(n)));
    expect(reader.table()).toEqual(entries.toReversed());
  });

  test("holds fields with values that never come twice, when their sender wants so", () => {
    const reader = new Reader();
    for (let n = 0; n < 100; n++) reader.read(insert("x-request-id", String(n)));
    expect(reader.list.fields[0]?.name.unique).toBe(true);
    expect(reader.table().slice(0, 3)).toEqual(["x-request-id: 99", "x-request-id: 98", "x-request-id: 97"]);
  });
});

describe("what a sender wants of the tables", () => {
  test("is kept with each field", () => {
    const reader = new Reader();
    reader.read(
      Buffer.concat([
        insert("a", "1"),
        literal(Indexing.without, "b", "2"),
        literal(Indexing.never, "c", "3"),
        index(FIRST_DYNAMIC),
        Buffer.of(0x82),
        Buffer.concat([integer(0x10, 4, FIRST_DYNAMIC), text("4")]),
        Buffer.concat([integer(0, 4, FIRST_DYNAMIC), text("5")]),
      ]),
    );
    expect(reader.how()).toEqual(["indexed", "not indexed", "never", "indexed", "indexed", "never", "not indexed"]);
    expect(reader.table()).toEqual(["a: 1"]);
  });

  test("also tells apart fields that are the same otherwise", () => {
    const reader = new Reader();
    for (const indexing of [Indexing.without, Indexing.incremental, Indexing.never, Indexing.without]) {
      reader.read(literal(indexing, "authorization", "Basic abc"));
      expect(reader.how()).toEqual([HOW[indexing]]);
    }
  });

  test("decides whether it is remembered: never what must never be indexed", () => {
    const reader = new Reader();
    const object = (block: Buffer) => {
      reader.read(block);
      return reader.list.fields[0];
    };
    expect(object(literal(Indexing.never, "cookie", "secret"))?.number).toBe(0);
    const known = object(literal(Indexing.without, ":path", "/a"));
    expect(known?.number).toBeGreaterThan(0);
    expect(object(literal(Indexing.without, ":path", "/a"))).toBe(known);
    const stored = object(literal(Indexing.incremental, "accept", "a/b"));
    expect(stored?.number).toBeGreaterThan(0);
    expect(object(literal(Indexing.incremental, "accept", "a/b"))).toBe(stored);
  });

  test("is not asked where nobody reads the value: it stays with its message", () => {
    const reader = new Reader();
    reader.read(literal(Indexing.without, "accept", "a/b"));
    reader.read(literal(Indexing.without, "accept", "a/b"));
    expect(reader.list.fields[0]).toMatchObject({ number: 0, value: "a/b" });
  });

  test("is not enough for a name whose values never come again: hardly one of them is remembered", () => {
    const reader = new Reader();
    const remembered = (from: number, to: number): number => {
      let count = 0;
      for (let n = from; n < to; n++) {
        reader.read(literal(Indexing.without, ":path", `/${n}`));
        if ((reader.list.fields[0]?.number ?? 0) > 0) count++;
      }
      return count;
    };
    expect(remembered(0, 10)).toBe(10);
    remembered(10, 100);
    expect(remembered(100, 200)).toBeLessThan(10);
    expect(reader.list.fields[0]?.name.unique).toBe(true);
  });

  test("is enough again when the values of such a name do come again", () => {
    const reader = new Reader();
    for (let n = 0; n < 200; n++) reader.read(literal(Indexing.without, ":path", `/${n}`));
    for (let n = 0; n < 200; n++) reader.read(literal(Indexing.without, ":path", "/same"));
    expect(reader.list.fields[0]?.name.unique).toBe(false);
    expect(reader.list.fields[0]?.number).toBeGreaterThan(0);
  });
});

describe("bounds on a message", () => {
  test("leave out what goes beyond them, and the tables go on all the same", () => {
    const reader = new Reader();
    const block = Buffer.concat([insert("a", "1"), insert("b", "2"), insert("c", "3")]);
    expect(reader.read(block, { maxFields: 2, maxBytes: 1000 })).toEqual(["a: 1", "b: 2"]);
    expect(reader.list.tooLarge).toBe(true);
    expect(reader.table()).toEqual(["c: 3", "b: 2", "a: 1"]);
    expect(reader.read(block, { maxFields: 9, maxBytes: 68 })).toEqual(["a: 1", "b: 2"]);
    expect(reader.list.tooLarge).toBe(true);
    expect(reader.read(block, { maxFields: 3, maxBytes: 102 })).toEqual(["a: 1", "b: 2", "c: 3"]);
    expect(reader.list.tooLarge).toBe(false);
  });

  test("hold for a small block that refers to a large entry over and over", () => {
    const reader = new Reader();
    reader.read(insert("a", "x".repeat(4000)));
    const bomb = Buffer.alloc(16_000, 0x80 | FIRST_DYNAMIC);
    expect(reader.read(bomb, { maxFields: 200, maxBytes: 65_536 })).toHaveLength(16);
    expect(reader.list.tooLarge).toBe(true);
  });

  test("do not hide that a block is malformed behind them", () => {
    const tight = { maxFields: 1, maxBytes: 1000 };
    expect(new Reader().read("82 82 80", tight)).toBeNull();
    expect(new Reader().read("82 82 40 01 61 81 ff", tight)).toBeNull();
  });
});

test("a decoder finds the same in a block whether it has seen its fields before or not", () => {
  const name = fc.constantFrom("a", "x-b", "cookie", ":path", "date", "X-Upper", "content-length");
  const value = fc.oneof(
    fc.constantFrom("", "1", "/a", "a\nb", " a"),
    fc.string({ maxLength: 20, unit: "binary-ascii" }),
  );
  const indexing = fc.constantFrom(...Object.values(Indexing));
  const field = fc.tuple(indexing, name, value, fc.boolean());
  fc.assert(
    fc.property(fc.array(fc.array(field, { maxLength: 6 }), { maxLength: 8 }), (blocks) => {
      const memory = { names: new FieldNames(), fields: new HeaderFields() };
      const list = new FieldList();
      const shared = [new HpackDecoder(memory, 200), new HpackDecoder(memory, 200)];
      const alone = new Reader(200);
      for (const fields of blocks) {
        const block = Buffer.concat(fields.map((args) => literal(...args)));
        const expected = alone.read(block);
        const verdicts = alone.list.fields
          .slice(0, alone.list.count)
          .map(({ malformed, name }) => malformed || name.malformed);
        for (const decoder of shared) {
          list.clear();
          expect(decoder.decode(block, 0, block.length, list, NO_LIMITS)).toBe(expected !== null);
          const seen = list.fields.slice(0, list.count);
          expect(seen.map((each) => `${each.name.text}: ${each.value}`)).toEqual(expected);
          expect(seen.map(({ malformed, name }) => malformed || name.malformed)).toEqual(verdicts);
          expect(decoder.tableBytes).toBe(alone.decoder.tableBytes);
        }
        expect(expected).toEqual(fields.map(([, fieldName, text_]) => `${fieldName}: ${text_}`));
      }
    }),
    { numRuns: 300 },
  );
});

test("no octets make a decoder throw, or hold more than its table may", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (blocks) => {
      const reader = new Reader(300);
      for (const bytes of blocks) {
        if (reader.read(Buffer.from(bytes)) === null) break;
        expect(reader.decoder.tableBytes).toBeLessThanOrEqual(300);
      }
    }),
    { numRuns: 500 },
  );
});
