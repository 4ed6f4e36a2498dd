import { expect, test } from "vitest";
import { traced } from "../../../test/support/traced.ts";
import { logQuestion } from "./scribe.ts";
import { type ZipkinSpan, spansOf } from "./spans.ts";
import { thriftSpan } from "./thrift-span.ts";

/** Any struct of Thrift's binary protocol, by field number; written apart from the writer, after the specification. */
class Reader {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): Buffer {
    if (this.left < length) throw new Error("it ends early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  struct(): Record<number, unknown> {
    const fields: Record<number, unknown> = {};
    for (;;) {
      const type = this.#take(1)[0];
      if (type === 0) return fields;
      const field = this.#take(2).readInt16BE();
      fields[field] = this.#value(type ?? -1);
    }
  }

  #value(type: number): unknown {
    switch (type) {
      case 2:
        return this.#take(1)[0] === 1;
      case 6:
        return this.#take(2).readInt16BE();
      case 8:
        return this.#take(4).readInt32BE();
      case 10:
        return this.#take(8).readBigInt64BE();
      case 11:
        return this.#take(this.#take(4).readInt32BE()).toString("latin1");
      case 12:
        return this.struct();
      case 15: {
        const of = this.#take(1)[0] ?? -1;
        return Array.from({ length: this.#take(4).readInt32BE() }, () => this.#value(of));
      }
      default:
        throw new Error(`type ${type}`);
    }
  }
}

function decoded(span: ZipkinSpan): Record<number, unknown> {
  const reader = new Reader(thriftSpan(span));
  const fields = reader.struct();
  expect(reader.left).toBe(0);
  return fields;
}

const [server, client] = spansOf(traced({ traceId: "ff000000000000bb00000000000000aa" })) as [ZipkinSpan, ZipkinSpan];

test("A server's span has sr and ss, and no time of its own where the caller tells of it", () => {
  const host = { 1: 0x7f000001, 2: 4140, 3: "http" };
  expect(decoded(server)).toEqual({
    1: 0xaan,
    3: "get",
    4: 0xbbn,
    5: 0xaan,
    6: [
      { 1: 1_790_000_000_000_250n, 2: "sr", 3: host },
      { 1: 1_790_000_000_012_750n, 2: "ss", 3: host },
    ],
    8: [
      ...Object.entries(server.tags).map(([key, value]) => ({ 1: key, 2: value, 3: 6, 4: host })),
      { 1: "ca", 2: "\u0001", 3: 0, 4: { 1: 0x0a000001, 2: 50_000 - 65_536, 3: "" } },
    ],
    12: BigInt.asIntN(64, 0xff000000000000bbn),
  });
  const { shared: _shared, ...root } = server;
  expect(decoded(root)).toMatchObject({ 10: 1_790_000_000_000_250n, 11: 12_500n });
});

test("A client's span has cs and cr, its time, and the service at the other end", () => {
  const fields = decoded({ ...client, debug: true });
  expect(fields).toMatchObject({ 4: 0xccn, 5: 0xbbn, 9: true, 10: 1_790_000_000_000_750n, 11: 12_000n });
  expect((fields[6] as { 2: string }[]).map(({ 2: value }) => value)).toEqual(["cs", "cr"]);
  expect((fields[8] as unknown[]).at(-1)).toEqual({
    1: "sa",
    2: "\u0001",
    3: 0,
    4: { 1: 0x0a000002, 2: 8080, 3: "/svc/users" },
  });
});

test.each([
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::8a2e:370:7334", "20010db80000000000008a2e03707334"],
  ["fe80::1%eth0", "fe800000000000000000000000000001"],
  ["::", "00000000000000000000000000000000"],
  ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
])("IPv6 address %s", (ipv6, hex) => {
  const fields = decoded({ ...client, tags: {}, remoteEndpoint: { ipv6, port: 1 } });
  const [{ 4: host }] = fields[8] as [{ 4: { 4: string } }];
  expect(Buffer.from(host[4], "latin1").toString("hex")).toBe(hex);
});

test("Text is UTF-8", () => {
  const fields = decoded({ ...client, remoteEndpoint: {}, tags: { a: "\u00e9" } });
  expect((fields[8] as { 2: string }[])[0]?.[2]).toBe("\u00c3\u00a9");
});

test("A call of Log is one frame with an entry for each span", () => {
  const { bytes } = logQuestion(["AAEC", "Aw=="]);
  // length | version 1, call | "Log" | number 0 | 1: list of 2 structs | category, message, end | … | end
  const text = (value: string) => `${value.length.toString(16).padStart(8, "0")}${Buffer.from(value).toString("hex")}`;
  const entry = (message: string) => `0b0001${text("zipkin")}0b0002${text(message)}00`;
  const message = `80010001${text("Log")}000000000f00010c00000002${entry("AAEC")}${entry("Aw==")}00`;
  expect(bytes.toString("hex")).toBe(`${(message.length / 2).toString(16).padStart(8, "0")}${message}`);
});

test.each([
  ["not all there yet", ["00000017800100020000", "00034c6f670000000008000000000000"], undefined],
  ["OK, in two parts", ["0000001680010002000000034c6f6700000000080000", "0000000000"], null],
  ["TRY_LATER", ["0000001680010002000000034c6f67000000000800000000000100"], "it says that it has too much to do"],
  ["an exception", ["0000001680010003000000034c6f67000000000b00010000000000"], "it does not answer as Scribe does"],
  ["an empty frame", ["00000000"], "it does not answer as Scribe does"],
  ["HTTP", [Buffer.from("HTTP/1.1 400 Bad Request\r\n").toString("hex")], "it does not answer as Scribe does"],
])("An answer that is %s", (_, chunks, verdict) => {
  const judge = logQuestion([]).judge();
  const verdicts = chunks.map((chunk) => judge.read(Buffer.from(chunk, "hex")));
  expect(verdicts.at(-1)).toBe(verdict);
});
