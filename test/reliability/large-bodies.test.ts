// R9: much data passes through and little stays: bodies arrive byte by byte, memory does not grow with them, and who sends faster than the
// other side takes is held back.
import net, { type AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { residentBytes } from "../support/process-state.ts";
import { sized } from "../support/long.ts";
import { freePorts, Program, until } from "../support/program.ts";

const MB = 1024 * 1024;
const AT_ONCE = 50;
const EACH_BYTES = sized(4 * MB, 20 * MB);
const GROWTH_BYTES = 16 * MB;
/** What kernels hold of one body in the socket buffers of two hops, at most. */
const IN_FLIGHT_BYTES = 40 * MB;

/** Bytes that differ from place to place; a body repeats them. */
const pattern = Buffer.alloc(MB);
for (let at = 0; at < MB; at += 4) pattern.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

/** Compares a flow of bytes with the pattern. */
class Checker {
  bytes = 0;
  same = true;

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const place = this.bytes % MB;
      const length = Math.min(chunk.length - at, MB - place);
      if (chunk.compare(pattern, place, place + length, at, at + length) !== 0) this.same = false;
      this.bytes += length;
      at += length;
    }
  }
}

/** Sends the pattern as fast as it is taken. */
function pour(socket: net.Socket, bytes: number, done: () => void): { sent: number } {
  const progress = { sent: 0 };
  const more = () => {
    while (progress.sent < bytes && !socket.destroyed) {
      const place = progress.sent % MB;
      const length = Math.min(64 * 1024, bytes - progress.sent, MB - place);
      progress.sent += length;
      if (!socket.write(pattern.subarray(place, place + length))) return void socket.once("drain", more);
    }
    done();
  };
  more();
  return progress;
}

/** A service that sends `GET /BYTES` a body of that many bytes, and checks the bodies it is sent. */
interface BulkService extends AsyncDisposable {
  readonly port: number;
  /** How far the last download has been handed to the kernel. */
  readonly sending: () => number;
  /** Connections accepted so far. */
  readonly accepted: () => number;
}

async function bulkService(): Promise<BulkService> {
  let last = { sent: 0 };
  let accepted = 0;
  const server = net.createServer((socket) => {
    accepted++;
    let head = "";
    let upload: Checker | null = null;
    let expected = 0;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      let rest = chunk;
      if (upload === null) {
        const before = head.length;
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        rest = chunk.subarray(end + 4 - before);
        expected = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
        if (expected === 0) {
          const bytes = Number(/^GET \/(\d+) /.exec(head)?.[1]);
          head = "";
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
          last = pour(socket, bytes, () => undefined);
          return;
        }
        upload = new Checker();
      }
      upload.take(rest);
      if (upload.bytes < expected) return;
      const verdict = upload.same && upload.bytes === expected ? "same" : "different";
      upload = null;
      head = "";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${verdict.length}\r\n\r\n${verdict}`);
    });
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    sending: () => last.sent,
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => void server.close(() => done()));
    },
  };
}

/** Reads one answer and checks its body; `until-closed` text of small bodies is returned. */
function receive(socket: net.Socket): Promise<{ checker: Checker; text: string }> {
  const { promise, reject, resolve } = Promise.withResolvers<{ checker: Checker; text: string }>();
  const checker = new Checker();
  let head = "";
  let expected = -1;
  let text = "";
  socket.on("error", reject);
  socket.on("close", () =>
    reject(new Error(`closed after ${checker.bytes} of ${expected} bytes; ${head.slice(0, 300)}`)),
  );
  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    if (expected < 0) {
      const before = head.length;
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      expected = Number(/^content-length: (\d+)/im.exec(head)?.[1]);
      rest = chunk.subarray(end + 4 - before);
    }
    if (text.length < 100) text += rest.toString("latin1", 0, 100);
    checker.take(rest);
    if (checker.bytes >= expected) resolve({ checker, text });
  });
  return promise;
}

async function download(port: number, bytes: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  const answer = receive(socket);
  socket.write(`GET /${bytes} HTTP/1.1\r\nHost: bulk\r\n\r\n`);
  const { checker } = await answer;
  socket.removeAllListeners("close").destroy();
  return checker.same && checker.bytes === bytes;
}

async function upload(port: number, bytes: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  const same = await uploadOn(socket, bytes);
  socket.destroy();
  return same;
}

async function uploadOn(socket: net.Socket, bytes: number): Promise<boolean> {
  const answer = receive(socket);
  socket.write(`POST / HTTP/1.1\r\nHost: bulk\r\nContent-Length: ${bytes}\r\n\r\n`);
  pour(socket, bytes, () => undefined);
  const { text } = await answer;
  for (const event of ["data", "close", "error"]) socket.removeAllListeners(event);
  return text === "same";
}

interface Stage extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
  readonly service: BulkService;
}

async function stage(): Promise<Stage> {
  const service = await bulkService();
  const [port = 0, admin = 0] = await freePorts(2);
  const program = new Program(["run", "-"], {
    input: JSON.stringify({
      admin: { port: admin },
      routers: [{ protocol: "http", dtab: `/svc/bulk => /$/inet/127.0.0.1/${service.port}`, servers: [{ port }] }],
    }),
  });
  await program.said("is ready");
  return {
    port,
    program,
    service,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

const inParallel = (run: (port: number, bytes: number) => Promise<boolean>, port: number, bytes: number) =>
  Promise.all(Array.from({ length: AT_ONCE }, () => run(port, bytes)));

test.skipIf(process.platform !== "linux")(
  "bodies pass both ways, fifty at once, and the memory of the proxy hardly grows",
  async () => {
    await using there = await stage();
    const { port, program } = there;
    await inParallel(download, port, 200_000); // compiles what is used, and fills the pools
    await inParallel(upload, port, 200_000);
    const before = residentBytes(program.pid);
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentBytes(program.pid))), 20);
    const down = await inParallel(download, port, EACH_BYTES);
    const up = await inParallel(upload, port, EACH_BYTES);
    clearInterval(watch);
    expect(down).toEqual(Array.from({ length: AT_ONCE }, () => true));
    expect(up).toEqual(Array.from({ length: AT_ONCE }, () => true));
    console.log(
      `${(2 * AT_ONCE * EACH_BYTES) / MB} MB passed; resident memory ${(before / MB).toFixed(1)} MB, at most ${(most / MB).toFixed(1)} MB`,
    );
    expect(most - before).toBeLessThan(GROWTH_BYTES);
  },
  sized(60_000, 300_000),
);

test.skipIf(process.platform !== "linux")(
  "a service that sends faster than its caller reads is held back",
  async () => {
    await using there = await stage();
    const { port, program, service } = there;
    await download(port, MB);
    const before = residentBytes(program.pid);
    const socket = net.connect(port, "127.0.0.1");
    socket.write(`GET /${1024 * MB} HTTP/1.1\r\nHost: bulk\r\n\r\n`);
    let read = 0;
    socket.on("data", (chunk: Buffer) => {
      read += chunk.length;
      socket.pause(); // and then takes nothing for a while
    });
    let sent = -1;
    await until(
      () => {
        const now = service.sending();
        const stands = now === sent && now > 0;
        sent = now;
        return stands;
      },
      () => "the service to stand still",
    );
    expect(sent - read).toBeLessThan(IN_FLIGHT_BYTES);
    expect(residentBytes(program.pid) - before).toBeLessThan(GROWTH_BYTES);
    socket.resume();
    socket.removeAllListeners("data").on("data", (chunk: Buffer) => (read += chunk.length));
    await until(
      () => read > 2 * IN_FLIGHT_BYTES,
      () => `the flow to go on; ${read} bytes so far`,
    );
    socket.destroy();
    expect(residentBytes(program.pid) - before).toBeLessThan(GROWTH_BYTES);
  },
  60_000,
);

// The service often has answered before the kernel reports that the last bytes of the request have left.
test.skipIf(process.platform !== "linux")(
  "uploads larger than the kernel takes at once leave both connections fit for the next one",
  async () => {
    const CALLERS = 4;
    const UPLOADS_EACH = 4;
    await using there = await stage();
    let ended = 0;
    const caller = async () => {
      const socket = net.connect(there.port, "127.0.0.1");
      socket.once("end", () => ended++);
      for (let i = 0; i < UPLOADS_EACH; i++) expect(await uploadOn(socket, 24 * MB)).toBe(true);
      socket.destroy();
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
    expect(ended).toBe(0);
    expect(there.service.accepted()).toBeLessThanOrEqual(CALLERS);
  },
  60_000,
);
