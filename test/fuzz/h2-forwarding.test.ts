// Header lists through a whole proxy: whatever form each field has on the wire, however its block is cut, and however many messages are under
// way at once, both ends read exactly what the other one wrote.
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { STATIC_TABLE } from "../../src/protocols/http2/codec/static-table.ts";
import { encodeHuffman } from "../../src/protocols/http2/codec/huffman.ts";
import { Backend } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import type { FieldPairs } from "../support/h2-frames.ts";
import { memoryH2Scene, post, startH2Proxy } from "../support/h2-scene.ts";
import { StoryEncoder } from "../support/hpack.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { memoryWorld, tcpWorld } from "../support/world.ts";

const TABLE_BYTES = 4096;
const OVERHEAD = 32;

/** Writes each field in the next of some forms: of its name, of its value, and of what its sender wants of the tables. */
class FormEncoder extends StoryEncoder {
  readonly #forms: readonly number[];
  #next = 0;
  /** The newest first. */
  #table: (readonly [string, string])[] = [];

  constructor(forms: readonly number[]) {
    super();
    this.#forms = forms;
  }

  override encode(fields: FieldPairs): Buffer {
    return Buffer.concat(fields.map(([name, value]) => this.#field(name, value)));
  }

  #field(name: string, value: string): Buffer {
    const form = this.#forms[this.#next++ % this.#forms.length] ?? 0;
    const all = [...STATIC_TABLE, ...this.#table];
    const whole = all.findIndex(([n, v]) => n === name && v === value) + 1;
    if (whole > 0 && (form & 1) !== 0) return integer(0x80, 7, whole);
    const known = (form & 2) === 0 ? 0 : all.findIndex(([n]) => n === name) + 1;
    const rest = [...(known > 0 ? [] : [string(name, (form & 4) !== 0)]), string(value, (form & 8) !== 0)];
    if ((form & 48) === 48) return Buffer.concat([integer(0x10, 4, known), ...rest]); // never indexed
    if ((form & 16) !== 0) return Buffer.concat([integer(0, 4, known), ...rest]);
    this.#table.unshift([name, value]);
    for (;;) {
      const bytes = this.#table.reduce((sum, [n, v]) => sum + n.length + v.length + OVERHEAD, 0);
      if (bytes <= TABLE_BYTES) break;
      this.#table.pop();
    }
    return Buffer.concat([integer(0x40, 6, known), ...rest]);
  }
}

function integer(first: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(first | value);
  const octets = [first | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) + 128);
  return Buffer.from([...octets, rest]);
}

function string(text: string, huffman: boolean): Buffer {
  const octets = Buffer.from(huffman ? encodeHuffman(text) : text, "latin1");
  return Buffer.concat([integer(huffman ? 0x80 : 0, 7, octets.length), octets]);
}

/** Short ones, those about as long as what is copied in a loop, kept or remembered, and long ones. */
const anyLength = fc.oneof(
  fc.nat(12),
  fc.constantFrom(0, 47, 48, 49, 127, 128, 254, 255, 256, 257, 511, 512, 513),
  fc.nat(3000),
);
/** Octets with short words, with long ones, and any that may stand in a value. */
const anyPattern = fc.oneof(
  fc.constantFrom("0123456789", "a", "\xff", "\x80\xf0", "a\tb", "<|\\^>", "e i o"),
  fc.string({
    unit: fc
      .integer({ min: 0x21, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 20,
  }),
);
const anyValue = fc.tuple(anyLength, anyPattern).map(([length, pattern]) =>
  pattern
    .repeat(Math.ceil(length / pattern.length))
    .slice(0, length)
    .trim(),
);
const anyName = fc.oneof(
  fc.constantFrom(
    "authorization",
    "cookie",
    "etag",
    "x-a",
    "x-request-id",
    "accept",
    "x-~^|`#$",
    `x-${"z|".repeat(60)}`,
  ),
  fc.string({ unit: fc.constantFrom(..."abcz09-_~^|`#$&!*"), minLength: 1, maxLength: 40 }).map((text) => `x-${text}`),
);
const anyFields = fc.array(fc.tuple(anyName, anyValue), { maxLength: 12 });
const anyForms = fc.array(fc.nat(63), { minLength: 1, maxLength: 17 });

interface Message {
  readonly asked: FieldPairs;
  readonly asksOn: FieldPairs;
  readonly informed: FieldPairs;
  readonly answered: FieldPairs;
  readonly answersOn: FieldPairs;
  readonly pieceBytes: number;
}

const anyMessage: fc.Arbitrary<Message> = fc.record({
  asked: anyFields,
  asksOn: anyFields,
  informed: anyFields,
  answered: anyFields,
  answersOn: anyFields,
  pieceBytes: fc.constantFrom(700, 3000, 16_000),
});

const OURS = /^(?::|via$|l5d-|content-length$)/;
const theirs = (fields: FieldPairs | null | undefined) => (fields ?? []).filter(([name]) => !OURS.test(name));
/** A list of no more than a block of ours may have. */
const few = (fields: FieldPairs): FieldPairs => {
  let bytes = 0;
  return fields.filter(([name, value]) => (bytes += name.length + 4 * value.length) < 12_000);
};

test(
  "what callers and services write in any form arrives in order and unchanged, heads, interim answers and trailers",
  async () => {
    const encoders: FormEncoder[] = [];
    let messages: readonly Message[] = [];
    let connection = -1;
    await using scene = await memoryH2Scene(
      {},
      {
        refill: true,
        get encoder() {
          return encoders.at(-1) as FormEncoder; // one for the one connection
        },
        request(stream, { number }) {
          connection = number;
          const message = messages[Number(stream.path.slice(1))] as Message; // as asked
          stream.sendHead([[":status", "103"], ...few(message.informed)]);
          stream.reply(200, "x", few(message.answered), few(message.answersOn));
        },
      },
    );
    encoders.push(new FormEncoder([16])); // nothing of it is in a table: connections of the service may be many
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyMessage, { minLength: 1, maxLength: 6 }),
        anyForms,
        anyForms,
        async (all, forms, back) => {
          messages = all;
          encoders.push(new FormEncoder(back.map((form) => (form & 14) | 16 | (form & 32))));
          const caller = new H2Caller(scene.world, scene.proxy.port(), {
            refill: true,
            encoder: new FormEncoder(forms),
          });
          const seen = scene.service.requests.length;
          const streams = all.map(({ asked, asksOn, pieceBytes }, n) =>
            caller.request(post(`/${n}`, few(asked)), { body: "y", trailers: few(asksOn), pieceBytes }),
          );
          await caller.finished(...streams);
          for (const received of scene.service.requests.slice(seen)) {
            const message = all[Number(received.path.slice(1))] as Message; // as asked
            expect(theirs(received.head)).toEqual(few(message.asked));
            expect(theirs(received.trailers)).toEqual(few(message.asksOn));
          }
          expect(scene.service.requests.length - seen).toBe(all.length);
          streams.forEach((stream, n) => {
            const message = all[n] as Message; // one each
            expect(stream.interim.map(theirs)).toEqual([few(message.informed)]);
            expect(theirs(stream.head)).toEqual(few(message.answered));
            expect(theirs(stream.trailers)).toEqual(few(message.answersOn));
          });
          expect(caller.problems).toEqual([]);
          caller.close();
        },
      ),
      fuzzing(150),
    );
    expect(connection).toBeGreaterThanOrEqual(0);
  },
  fuzzLimitMs,
);

test(
  "nghttp2 reads the same of what the proxy writes",
  async () => {
    const received = new Map<string, FieldPairs>();
    const server = http2.createServer();
    server.on("stream", (stream, headers, _flags, raw: readonly string[]) => {
      const pairs = Array.from({ length: raw.length / 2 }, (_, n) => [raw[2 * n] ?? "", raw[2 * n + 1] ?? ""] as const);
      received.set(String(headers[":path"]), pairs);
      (stream as http2.ServerHttp2Stream).respond({ ":status": 204 }, { endStream: true }); // of a server
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    await using world = tcpWorld();
    world.atEnd(() => void server.close());
    await using proxy = await startH2Proxy(world, {
      dtab: `/svc => /$/inet/127.0.0.1/${(server.address() as AddressInfo).port};`, // it listens on a port
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyFields, { minLength: 1, maxLength: 8 }), anyForms, async (all, forms) => {
        received.clear();
        const caller = new H2Caller(world, proxy.port(), { encoder: new FormEncoder(forms) });
        const streams = all.map((fields, n) => caller.request(post(`/${n}`, few(fields))));
        await caller.finished(...streams);
        expect(streams.map(({ status }) => status)).toEqual(all.map(() => 204));
        all.forEach((fields, n) => expect(theirs(received.get(`/${n}`))).toEqual(few(fields)));
        caller.close();
      }),
      fuzzing(60),
    );
  },
  fuzzLimitMs,
);

test(
  "from HTTP/1.1 to HTTP/2 and back fields arrive in order and unchanged, but for the case of their names",
  async () => {
    await using world = memoryWorld();
    let answered: FieldPairs = [];
    const backend = await Backend.start(world, {
      request: (_, connection) => connection.send(`HTTP/1.1 200 OK\r\n${linesOf(answered)}Content-Length: 0\r\n\r\n`),
    });
    await using second = await startH2Proxy(world, {
      dtab: `/svc => ${backend.name};`,
      client: { protocol: "http/1.1" },
    });
    await using first = await Proxy.start(world, {
      dtab: `/svc => /$/inet/127.0.0.1/${second.port()};`,
      client: { protocol: "h2" },
    });
    await fc.assert(
      fc.asyncProperty(anyFields, anyFields, async (asked, answers) => {
        answered = little(answers);
        const client = first.connect();
        const answer = await client.ask(`GET / HTTP/1.1\r\nHost: web\r\n${linesOf(little(asked))}\r\n`);
        expect(answer.status).toBe(200);
        expect(plain(backend.last.fields)).toEqual(little(asked));
        expect(plain(answer.fields)).toEqual(answered);
        expect(client.problem).toBeNull();
        client.close();
      }),
      fuzzing(150),
    );
    expect(backend.problems).toEqual([]);
  },
  fuzzLimitMs,
);

const linesOf = (fields: FieldPairs) => fields.map(([name, value]) => `${name.toUpperCase()}: ${value}\r\n`).join("");
const plain = (fields: FieldPairs) => theirs(fields).filter(([name]) => name.startsWith("x-") || name === "etag");
/** What has room in a head of HTTP/1.1, where cookies are joined. */
const little = (fields: FieldPairs) => {
  let bytes = 0;
  return plain(fields).filter(([name, value]) => (bytes += name.length + value.length) < 6000);
};
