import { expect, test } from "vitest";
import type { ByteReader, ByteStream, Connector } from "../../core/byte-stream.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "./memory-network.ts";

/** Writes down what it is told, and does what the test says. */
class Reader implements Connector {
  readonly told: string[] = [];
  readonly kept: Buffer[] = [];
  text = "";
  goOn = true;
  keep = false;

  onConnect(): void {
    this.told.push("connect");
  }

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    this.told.push(lendable ? `private ${end - start}` : `shared ${end - start}`);
    this.text += buffer.toString("latin1", start, end);
    if (this.keep) this.kept.push(buffer.subarray(start, end));
    return this.goOn;
  }

  onEnd(): void {
    this.told.push("end");
  }

  onClose(error: Error | null): void {
    this.told.push(error === null ? "close" : `close ${error.message}`);
  }

  onWritten(): void {
    this.told.push("written");
  }
}

interface Pair {
  readonly network: MemoryNetwork;
  readonly near: ByteStream;
  readonly far: ByteStream;
  readonly nearReader: Reader;
  readonly farReader: Reader;
}

const quiet = { flush: () => undefined, readerFailed: (error: unknown) => Promise.reject(error) };

async function connected(options: MemoryNetworkOptions = {}): Promise<Pair> {
  const network = new MemoryNetwork(options);
  const transport = network.transport(quiet);
  const farReader = new Reader();
  let far: ByteStream | undefined;
  const listener = await transport.listen({ host: "10.0.0.1", port: 0 }, (stream) => {
    far = stream;
    stream.attach(farReader);
  });
  const nearReader = new Reader();
  const near = transport.connect({ host: listener.host, port: listener.port }, nearReader);
  network.settle();
  if (far === undefined) throw new Error("the listener accepted nothing");
  nearReader.told.length = 0;
  return { network, near, far, nearReader, farReader };
}

function send(stream: ByteStream, text: string): boolean {
  const buffer = Buffer.from(text, "latin1");
  return stream.write(buffer, 0, buffer.length);
}

test("MemoryNetwork tells a connection only after connect has returned", async () => {
  const network = new MemoryNetwork();
  const transport = network.transport(quiet, "10.9.9.9");
  let remote = "";
  await transport.listen({ host: "10.0.0.1", port: 80 }, (stream) => void (remote = stream.remote));
  const reader = new Reader();
  const stream = transport.connect({ host: "10.0.0.1", port: 80 }, reader);
  expect(reader.told).toEqual([]);
  network.settle();
  expect(reader.told).toEqual(["connect"]);
  expect(stream.remote).toBe("10.0.0.1:80");
  expect(remote).toMatch(/^10\.9\.9\.9:\d+$/);
});

test("MemoryNetwork refuses, swallows and fails connections, and heals", async () => {
  const network = new MemoryNetwork();
  const transport = network.transport(quiet);
  const reader = () => {
    const made = new Reader();
    transport.connect({ host: "10.0.0.1", port: 80 }, made);
    network.settle();
    return made.told;
  };
  expect(reader()).toEqual(["close connect ECONNREFUSED"]);
  await transport.listen({ host: "10.0.0.1", port: 80 }, () => undefined);
  network.silence("10.0.0.1:80");
  expect(reader()).toEqual([]);
  network.fail("10.0.0.1:80", "EHOSTUNREACH");
  expect(reader()).toEqual(["close connect EHOSTUNREACH"]);
  network.heal("10.0.0.1:80");
  expect(reader()).toEqual(["connect"]);
});

test("MemoryNetwork connects any address to who listens on 0.0.0.0", async () => {
  const network = new MemoryNetwork();
  const transport = network.transport(quiet);
  await transport.listen({ host: "0.0.0.0", port: 80 }, () => undefined);
  const reader = new Reader();
  transport.connect({ host: "127.0.0.1", port: 80 }, reader);
  network.settle();
  expect(reader.told).toEqual(["connect"]);
});

test("MemoryNetwork frees a port when its listener closes, and refuses a second one before", async () => {
  const transport = new MemoryNetwork().transport(quiet);
  const first = await transport.listen({ host: "10.0.0.1", port: 80 }, () => undefined);
  await expect(transport.listen({ host: "10.0.0.1", port: 80 }, () => undefined)).rejects.toThrow("EADDRINUSE");
  await first.close();
  await expect(transport.listen({ host: "10.0.0.1", port: 80 }, () => undefined)).resolves.toBeDefined();
});

test("MemoryStream carries bytes both ways and closes when both sides have ended", async () => {
  const { network, near, far, nearReader, farReader } = await connected();
  expect(send(near, "question")).toBe(true);
  near.end();
  network.settle();
  expect(farReader.told).toEqual(["shared 8", "end"]);
  send(far, "answer");
  far.end();
  network.settle();
  expect(nearReader.text).toBe("answer");
  expect(nearReader.told).toEqual(["shared 6", "end", "close"]);
  expect(farReader.told.at(-1)).toBe("close");
  expect(network.open).toBe(0);
});

test("MemoryStream that connected answers its peer's end with its own", async () => {
  const { network, far, nearReader, farReader } = await connected();
  far.end();
  network.settle();
  expect(nearReader.told).toEqual(["end", "close"]);
  expect(farReader.told).toEqual(["end", "close"]);
});

test("MemoryStream lends a buffer that does not fit, and takes its bytes only when there is room", async () => {
  const { network, near, far, nearReader, farReader } = await connected({ capacityBytes: 4 });
  far.pause();
  const buffer = Buffer.from("12345678");
  expect(near.write(buffer, 0, 8)).toBe(false);
  expect(near.lent).toBe(true);
  buffer.write("xxxx", 4); // a writer that does not wait for onWritten
  far.resume();
  network.settle();
  expect(farReader.text).toBe("1234xxxx");
  expect(nearReader.told).toEqual(["written"]);
  expect(near.lent).toBe(false);
});

test("MemoryStream queues what is written while a buffer is lent, and tells once that all has left", async () => {
  const { network, near, far, nearReader, farReader } = await connected({ capacityBytes: 4 });
  far.pause();
  send(near, "123456");
  expect(send(near, "78")).toBe(false);
  near.end();
  network.settle();
  expect(nearReader.told).toEqual([]);
  far.resume();
  network.settle();
  expect(farReader.text).toBe("12345678");
  expect(farReader.told.at(-1)).toBe("end");
  expect(nearReader.told).toEqual(["written"]);
});

test("MemoryStream overwrites a chunk when its reader has returned", async () => {
  const { network, near, farReader } = await connected();
  farReader.keep = true;
  send(near, "abc");
  network.settle();
  expect(farReader.kept[0]?.toString("latin1")).toBe("\xdb\xdb\xdb");
});

test("MemoryStream keeps a chunk of a private buffer that is lent on, until reading resumes", async () => {
  const { network, near, far, farReader } = await connected();
  far.usePrivateBuffer(true);
  farReader.keep = true;
  farReader.goOn = false;
  send(near, "abc");
  network.settle();
  send(near, "def");
  network.settle();
  expect(farReader.told).toEqual(["private 3"]);
  expect(farReader.kept[0]?.toString()).toBe("abc");
  far.resume();
  expect(farReader.kept[0]?.toString("latin1")).toBe("\xdb\xdb\xdb");
  network.settle();
  expect(farReader.text).toBe("abcdef");
});

test("MemoryStream leaves a chunk alone that is still lent when its private buffer is given up", async () => {
  const { network, near, far, farReader } = await connected();
  far.usePrivateBuffer(true);
  farReader.keep = true;
  farReader.goOn = false;
  send(near, "abc");
  network.settle();
  far.usePrivateBuffer(false, true);
  far.resume();
  send(near, "def");
  network.settle();
  expect(farReader.kept[0]?.toString()).toBe("abc");
  expect(farReader.told).toEqual(["private 3", "shared 3"]);
});

test("MemoryStream delivers in the portions it is told to", async () => {
  const { network, near, farReader } = await connected({ readBytes: () => 1 });
  send(near, "abc");
  network.settle();
  expect(farReader.told).toEqual(["shared 1", "shared 1", "shared 1"]);
});

test("MemoryStream that is reset tells its peer behind the bytes that had arrived", async () => {
  const { network, near, nearReader, farReader } = await connected();
  send(near, "abc");
  near.destroy(true);
  network.settle();
  expect(farReader.told).toEqual(["shared 3", "close read ECONNRESET"]);
  expect(nearReader.told).toEqual(["close"]);
  expect(network.open).toBe(0);
});

test("MemoryStream destroyed with unread bytes resets the connection, without them it ends it", async () => {
  const unread = await connected();
  unread.far.pause();
  send(unread.near, "abc");
  unread.far.destroy();
  unread.network.settle();
  expect(unread.nearReader.told).toEqual(["close read ECONNRESET"]);
  const read = await connected();
  read.far.destroy();
  read.network.settle();
  expect(read.nearReader.told).toEqual(["end", "close"]);
});

test("MemoryStream learns by writing that its peer is gone", async () => {
  const { network, near, far, farReader } = await connected();
  near.destroy();
  network.settle();
  expect(farReader.told).toEqual(["end"]);
  expect(send(far, "late")).toBe(true);
  network.settle();
  expect(farReader.told).toEqual(["end", "close read ECONNRESET"]);
});

test("MemoryStream that does not read notices a reset when it writes", async () => {
  const { network, near, far, farReader } = await connected();
  far.pause();
  near.destroy(true);
  network.settle();
  expect(farReader.told).toEqual([]);
  send(far, "late");
  network.settle();
  expect(farReader.told).toEqual(["close write EPIPE"]);
});

test("MemoryStream drops a reader that throws, and goes on with the others", async () => {
  const network = new MemoryNetwork();
  const failures: unknown[] = [];
  const transport = network.transport({ flush: () => undefined, readerFailed: (error) => failures.push(error) });
  const reader: ByteReader = {
    onBytes: () => {
      throw new Error("a bug");
    },
    onEnd: () => undefined,
    onClose: () => undefined,
    onWritten: () => undefined,
  };
  await transport.listen({ host: "10.0.0.1", port: 80 }, (stream) => stream.attach(reader));
  const near = new Reader();
  const stream = transport.connect({ host: "10.0.0.1", port: 80 }, near);
  network.settle();
  send(stream, "abc");
  network.settle();
  expect(failures).toEqual([new Error("a bug")]);
  expect(near.told).toEqual(["connect", "end", "close"]);
});

test("MemoryNetwork says so when two parties answer each other for ever", async () => {
  const network = new MemoryNetwork();
  const transport = network.transport(quiet);
  const echo = (stream: ByteStream): ByteReader => ({
    onBytes: (buffer, start, end) => send(stream, buffer.toString("latin1", start, end)),
    onEnd: () => undefined,
    onClose: () => undefined,
    onWritten: () => undefined,
  });
  await transport.listen({ host: "10.0.0.1", port: 80 }, (stream) => stream.attach(echo(stream)));
  const connector = { ...echo({} as ByteStream), onConnect: () => void send(stream, "x") }; // replaced below
  const stream: ByteStream = transport.connect({ host: "10.0.0.1", port: 80 }, connector);
  connector.onBytes = echo(stream).onBytes;
  expect(() => network.settle(1000)).toThrow("come to rest");
});
