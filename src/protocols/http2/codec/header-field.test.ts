import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldName, FieldNames, ownName, Pseudo } from "./field-name.ts";
import { check, HeaderField, HeaderFields, Indexing, ownField, plainField } from "./header-field.ts";
import { encodeHuffman } from "./huffman.ts";

/** A field as if it had just come, its value plain or in Huffman code; null when that is no code. */
function received(name: string, value: string, huffman = false): HeaderField | null {
  const raw = huffman ? encodeHuffman(value) : value;
  const field = new HeaderField(new FieldName(name, name, false));
  const bytes = Buffer.from(`<${raw}>`, "latin1");
  field.point(field.name, Indexing.without, huffman, bytes, 1, bytes.length - 1);
  return check(field, bytes, 1, bytes.length - 1) ? field : null;
}

const malformed = (name: string, value: string): (boolean | undefined)[] =>
  [false, true].map((huffman) => received(name, value, huffman)?.malformed);

describe("a value may stand in a message, plain or in Huffman code:", () => {
  test.each([
    ["x-a", ""],
    ["x-a", "a"],
    ["x-a", "a b\tc"],
    ["x-a", "\x80\xff"],
    [":method", "GET"],
    [":method", "M-SEARCH"],
    [":method", "get"],
    [":scheme", "http"],
    [":scheme", "coap+tcp"],
    [":authority", ""],
    [":authority", "web"],
    [":authority", "[::1]:80"],
    [":authority", "web:8080"],
    [":path", "/"],
    [":path", "/a?b=c&d"],
    [":path", "*"],
    [":path", "/\xe4"],
    [":status", "100"],
    [":status", "599"],
    [":status", "999"],
    ["te", "trailers"],
    ["te", "Trailers"],
    ["content-length", "0"],
    ["content-length", "007"],
    ["content-length", "999999999999999"],
    ["host", "web:80"],
    ["grpc-timeout", "what?"],
    ["grpc-status", "what?"],
  ])("%s: %j", (name, value) => {
    expect(malformed(name, value)).toEqual([false, false]);
  });
});

describe("a value may not stand in a message, plain or in Huffman code:", () => {
  test.each([
    ["x-a", " a"],
    ["x-a", "a "],
    ["x-a", "\ta"],
    ["x-a", "a\t"],
    ["x-a", " "],
    ["x-a", "a\0"],
    ["x-a", "a\r\nb: c"],
    ["x-a", "\n"],
    ["x-a", "\x1b[0m"],
    ["x-a", "a\x7f"],
    [":method", ""],
    [":method", "GET /"],
    [":method", "G(T"],
    [":method", "G\xc4T"],
    [":scheme", ""],
    [":scheme", "1http"],
    [":scheme", "ht tp"],
    [":scheme", "http://"],
    [":authority", "user@web"],
    [":authority", "web/"],
    [":authority", "web?a"],
    [":authority", "web#a"],
    [":authority", "web\\a"],
    [":authority", "a,b"],
    [":authority", "a b"],
    ["host", "user@web"],
    ["host", "a, b"],
    [":path", ""],
    [":path", "a"],
    [":path", "http://web/"],
    [":path", "**"],
    [":path", "/a b"],
    [":path", "/a#b"],
    [":path", "/a\\b"],
    [":path", "/a\tb"],
    [":status", ""],
    [":status", "20"],
    [":status", "2000"],
    [":status", "099"],
    [":status", "2xx"],
    [":status", "+20"],
    ["te", ""],
    ["te", "gzip"],
    ["te", "trailers, gzip"],
    ["te", "trailers;q=1"],
    ["content-length", ""],
    ["content-length", "-1"],
    ["content-length", "+1"],
    ["content-length", "1, 1"],
    ["content-length", "0x5"],
    ["content-length", "1e3"],
    ["content-length", "1000000000000000"],
  ])("%s: %j", (name, value) => {
    expect(malformed(name, value)).toEqual([true, true]);
  });
});

describe("a name", () => {
  const verdict = (text: string): boolean => new FieldName(text, text, false).malformed;

  test.each([
    "a",
    "x-b",
    "!#$%&'*+.^_`|~0-9",
    ":method",
    ":scheme",
    ":authority",
    ":path",
    ":protocol",
    ":status",
    "te",
    "trailer",
    "proxy-authorization",
  ])("may be %j", (text) => {
    expect(verdict(text)).toBe(false);
  });

  test.each([
    "",
    ":",
    ":methods",
    ":Path",
    "X-a",
    "a ",
    " a",
    "a:b",
    "a\0",
    "a\r\n",
    "a(b)",
    "\xe4",
    "\x7f",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
  ])("may not be %j (RFC 9113 §8.2)", (text) => {
    expect(verdict(text)).toBe(true);
  });

  test("is one object as long as it is in use, in each form it comes in", () => {
    const names = new FieldNames();
    const plain = Buffer.from("custom-key");
    const coded = Buffer.from(encodeHuffman("custom-key"), "latin1");
    const first = names.of(plain, 0, plain.length, false);
    const second = names.of(coded, 0, coded.length, true);
    expect([first?.text, second?.text, first === second]).toEqual(["custom-key", "custom-key", false]);
    expect(names.of(plain, 0, plain.length, false)).toBe(first);
    expect(names.of(coded, 0, coded.length, true)).toBe(second);
    expect(names.of(Buffer.of(0xff), 0, 1, true)).toBeNull();
  });

  test("is told apart by its form even from one with the same octets", () => {
    const names = new FieldNames();
    const forms = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      const bytes = Buffer.from(encodeHuffman(`name-${n}`), "latin1");
      for (const huffman of [false, true])
        forms.add(`${huffman} ${names.of(bytes, 0, bytes.length, huffman)?.huffman}`);
    }
    expect(forms).toEqual(new Set(["false false", "true true"]));
  });

  test("in Huffman code is what it says, whatever octets that are", () => {
    const names = new FieldNames();
    for (const text of ["a\0b", "A", "a\nb", " a", "\xff"]) {
      const coded = Buffer.from(encodeHuffman(text), "latin1");
      expect(names.of(coded, 0, coded.length, true)).toMatchObject({ text, malformed: true });
    }
  });

  test("that is long is not remembered, and read all the same", () => {
    const names = new FieldNames();
    const long = Buffer.from("x".repeat(65));
    const first = names.of(long, 0, long.length, false);
    expect(names.of(long, 0, long.length, false)).not.toBe(first);
    expect(first?.text).toBe("x".repeat(65));
  });

  test("of ours is sent in the shorter of its two forms", () => {
    expect(ownName("custom-key")).toMatchObject({
      huffman: true,
      octets: Buffer.from(encodeHuffman("custom-key"), "latin1"),
    });
    expect(ownName("~~")).toMatchObject({ huffman: false, octets: Buffer.from("~~") });
    expect(ownName("custom-key")).toBe(ownName("custom-key"));
    expect(ownName(":path").pseudo).toBe(Pseudo.path);
  });
});

test("a value that is no Huffman code is found out, whatever its name", () => {
  for (const name of ["x-a", ":path", "te"]) {
    const field = new HeaderField(new FieldName(name, name, false));
    field.point(field.name, Indexing.without, true, Buffer.of(0xff, 0xff), 0, 2);
    expect(check(field, Buffer.of(0xff, 0xff), 0, 2)).toBe(false);
  }
});

test("a field counts 32 octets besides those of its name and its decoded value (RFC 7541 §4.1)", () => {
  for (const huffman of [false, true]) {
    const field = received("custom-key", "custom-value", huffman);
    expect(field).toMatchObject({ size: 54, length: 12, value: "custom-value" });
  }
  expect(received("a", "b\nc", true)?.size).toBe(36);
});

test("numbers are known of the fields that are one", () => {
  const codes = [
    received(":status", "204"),
    received("grpc-status", "14", true),
    received("grpc-status", "x"),
    received("grpc-status", "1234"),
    received("x-a", "204"),
  ].map((field) => field?.code);
  expect(codes).toEqual([204, 14, -1, -1, -1]);
});

test("a field of ours is sent in the shorter of its two forms, or as the index it has", () => {
  expect(ownField(":method", "GET", Indexing.incremental)).toMatchObject({ staticIndex: 2, value: "GET" });
  expect(ownField("accept-encoding", "gzip, deflate", Indexing.incremental).staticIndex).toBe(16);
  expect(ownField("via", "", Indexing.incremental).staticIndex).toBe(0);
  expect(ownField("via", "h2 fairlead", Indexing.incremental)).toMatchObject({
    huffman: true,
    staticIndex: 0,
    value: "h2 fairlead",
  });
  expect(ownField("via", "~", Indexing.incremental)).toMatchObject({ huffman: false, raw: "~" });
  expect(plainField("via", "h2 fairlead", Indexing.never)).toMatchObject({ huffman: false, raw: "h2 fairlead" });
});

describe("HeaderFields", () => {
  const name = new FieldName("x-a", "x-a", false);

  function of(fields: HeaderFields, value: string, indexing: Indexing = Indexing.without, huffman = false) {
    const bytes = Buffer.from(`<${huffman ? encodeHuffman(value) : value}>`, "latin1");
    const field = fields.of(name, indexing, huffman, bytes, 1, bytes.length - 1);
    bytes.fill(0xdb);
    return field;
  }

  test("find a field again by its octets, and tell apart how it came", () => {
    const fields = new HeaderFields();
    const made = [
      of(fields, "custom"),
      of(fields, "custom", Indexing.incremental),
      of(fields, "custom", Indexing.without, true),
      of(fields, "other"),
    ];
    expect(new Set(made).size).toBe(4);
    expect(made.map((field) => field?.value)).toEqual(["custom", "custom", "custom", "other"]);
    expect(of(fields, "custom")).toBe(made[0]);
    expect(of(fields, "custom", Indexing.incremental)).toBe(made[1]);
    expect(of(fields, "custom", Indexing.without, true)).toBe(made[2]);
    expect(new Set(made.map((field) => field?.number)).size).toBe(4);
  });

  test("remember the verdict on a value", () => {
    const fields = new HeaderFields();
    expect([of(fields, "a\nb")?.malformed, of(fields, "a\nb")?.malformed]).toEqual([true, true]);
  });

  test("refuse what is no Huffman code, and remember nothing of it", () => {
    const fields = new HeaderFields();
    for (let n = 0; n < 2; n++) {
      expect(fields.of(name, Indexing.without, true, Buffer.of(0xff), 0, 1)).toBeNull();
    }
  });

  test("do not remember long values beyond their message", () => {
    const fields = new HeaderFields();
    const [longest, longer] = ["x".repeat(512), "x".repeat(513)];
    expect(of(fields, longest)).toBe(of(fields, longest));
    expect(of(fields, longer)).not.toBe(of(fields, longer));
    expect(of(fields, longer)?.value).toBe(longer);
  });

  test("tell apart by how they came even those that share a place in their memory", () => {
    const fields = new HeaderFields();
    const forms = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      const bytes = Buffer.from(encodeHuffman("v".repeat(n % 20) + String(n)), "latin1"); // as octets, a plain value just as well
      for (const indexing of Object.values(Indexing)) {
        for (const huffman of [false, true]) {
          const field = fields.of(name, indexing, huffman, bytes, 0, bytes.length);
          forms.add(`${field?.indexing === indexing} ${field?.huffman === huffman}`);
        }
      }
    }
    expect([...forms]).toEqual(["true true"]);
  });

  test("always give the field that was asked for, however many there are", () => {
    const text = fc.string({ maxLength: 8, unit: "binary-ascii" });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.constantFrom(0, 1, 2), fc.boolean()), { maxLength: 60 }), (asked) => {
        const fields = new HeaderFields();
        for (const [value, indexing, huffman] of [...asked, ...asked]) {
          expect(of(fields, value, indexing, huffman)).toMatchObject({
            value,
            indexing,
            huffman,
            length: value.length,
          });
        }
      }),
      { numRuns: 50 },
    );
  });
});
