// The contract of `ByteStream` on real sockets, in all ways a socket can be read and written.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ByteReader, ByteStream, Connector, Listener } from "../../core/byte-stream.ts";
import { manyDescriptors } from "../../../test/support/descriptors.ts";
import { type DirectWrite, proveDirectWrite } from "./direct-write.ts";
import { NodeTransport } from "./node-transport.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { proveStaticRead, type StaticRead } from "./static-read.ts";

const direct = await proveDirectWrite();
const inPlace = await proveStaticRead();

test("this Node's sockets can be read and written the fast way", () => {
  expect(direct).not.toBeNull();
  expect(inPlace).not.toBeNull();
});

const ways: [string, StaticRead | null, DirectWrite | null][] = [
  ["events and streams", null, null],
  ["events and direct writes", null, direct],
  ["given buffers and streams", inPlace, null],
  ["given buffers and direct writes", inPlace, direct],
];

const folder = mkdtempSync(join(tmpdir(), "fairlead-stream-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** Where the two ends of a pair meet. */
interface Ends {
  readonly host: string;
  readonly port: number;
}

const grounds: [string, Ends][] = [
  ["a TCP socket", { host: "127.0.0.1", port: 0 }],
  ["a unix socket", { host: join(folder, "s"), port: 0 }],
];
const places = grounds.flatMap(([ground, ends]) =>
  ways.map(([way, read, write]) => [ground, way, ends, read, write] as const),
);

/** One end of a connection: remembers what it is told. */
class End implements Connector {
  stream: ByteStream | null = null;
  readonly #hash = createHash("sha256");
  bytes = 0;
  ended = false;
  closed = false;
  error: Error | null = null;
  written = 0;
  connected = false;
  reads = true;
  onWrittenOnce: (() => void) | null = null;

  onConnect(): void {
    this.connected = true;
  }

  onBytes(buffer: Buffer, start: number, end: number): boolean {
    this.#hash.update(buffer.subarray(start, end));
    this.bytes += end - start;
    return this.reads;
  }

  onEnd(): void {
    this.ended = true;
  }

  onClose(error: Error | null): void {
    this.closed = true;
    this.error = error;
  }

  onWritten(): void {
    this.written++;
    this.onWrittenOnce?.();
  }

  get hash(): string {
    return this.#hash.digest("hex");
  }
}

function loops(condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => void (condition() ? resolve() : setImmediate(look));
    look();
  });
}

interface Pair extends AsyncDisposable {
  readonly near: End;
  readonly far: End;
}

async function connected(
  ends: Ends,
  read: StaticRead | null,
  write: DirectWrite | null,
  farReads = true,
): Promise<Pair> {
  const failures: unknown[] = [];
  const transport = new NodeTransport({
    buffers: new ReadBuffers(read),
    directWrite: write,
    descriptors: manyDescriptors(),
    flush: () => undefined,
    readerFailed: (error) => void failures.push(error),
  });
  const near = new End();
  const far = new End();
  far.reads = farReads;
  const listener: Listener = await transport.listen(ends, (stream) => {
    far.stream = stream;
    stream.attach(far satisfies ByteReader);
    if (!farReads) stream.pause();
  });
  near.stream = transport.connect({ host: listener.host, port: listener.port }, near);
  await loops(() => near.connected && far.stream !== null);
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.stream?.destroy();
      far.stream?.destroy();
      await listener.close();
      await loops(() => near.closed && far.closed);
      expect(failures).toEqual([]);
    },
  };
}

describe.each(places)("%s by %s", (_, __, ends, read, write) => {
  test("delivers what is written, and the end after it", async () => {
    await using pair = await connected(ends, read, write);
    const { far, near } = pair;
    expect(near.stream?.write(Buffer.from("..hello.."), 2, 7)).toBe(true);
    near.stream?.end();
    await loops(() => far.ended);
    expect(far.bytes).toBe(5);
  });

  test("lends what the peer does not take, reports when it has left, and loses or mixes nothing", async () => {
    await using pair = await connected(ends, read, write, false);
    const { far, near } = pair;
    const sent = createHash("sha256");
    const chunk = Buffer.alloc(300_000);
    let count = 0;
    const fill = () => {
      for (; count < 60; count++) {
        chunk.fill(count); // ours again, or never lent: what was written before must not change
        sent.update(chunk);
        if (near.stream?.write(chunk, 0, chunk.length) === false) {
          count++;
          return;
        }
      }
      near.stream?.end();
    };
    near.onWrittenOnce = fill;
    fill();
    expect(near.stream?.lent).toBe(true);
    far.reads = true;
    far.stream?.resume();
    await loops(() => far.ended);
    expect(far.bytes).toBe(60 * chunk.length);
    expect(far.hash).toBe(sent.digest("hex"));
    expect(near.stream?.lent).toBe(false);
    expect(near.written).toBeGreaterThan(0);
  });

  test("keeps the order of what is written while something is lent, and sends it all before the end", async () => {
    await using pair = await connected(ends, read, write, false);
    const { far, near } = pair;
    const sent = createHash("sha256");
    for (let i = 0; i < 40; i++) {
      const chunk = Buffer.alloc(200_000, i);
      sent.update(chunk);
      near.stream?.write(chunk, 0, chunk.length);
    }
    near.stream?.end();
    far.reads = true;
    far.stream?.resume();
    await loops(() => far.ended);
    expect(far.hash).toBe(sent.digest("hex"));
    expect(near.written).toBe(1);
  });

  test("tells of a peer that reset the connection, once, and takes what is written after it", async () => {
    await using pair = await connected(ends, read, write);
    const { far, near } = pair;
    far.stream?.destroy(true);
    await loops(() => far.closed);
    const bytes = Buffer.alloc(100);
    while (!near.closed) {
      near.stream?.write(bytes, 0, bytes.length);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(near.stream?.write(bytes, 0, bytes.length)).toBe(true);
    expect(String(near.error)).toMatch(/ECONNRESET|EPIPE|null/);
  });

  test("dropped with something lent, reports no write", async () => {
    await using pair = await connected(ends, read, write, false);
    const { near } = pair;
    const chunk = Buffer.alloc(1_000_000);
    while (near.stream?.lent === false) near.stream.write(chunk, 0, chunk.length);
    near.stream?.destroy();
    await loops(() => near.closed);
    expect(near.written).toBe(0);
  });
});
