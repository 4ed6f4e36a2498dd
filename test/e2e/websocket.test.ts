// WebSockets through the proxy on real sockets: Node's own client, and a service on Node's HTTP server.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import net from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { tcpWorld } from "../support/world.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSE = 0x88;

/** The first frame in some bytes, unmasked (RFC 6455 §5.2), and how long it is; null when it is not complete. */
function frameIn(bytes: Buffer): { first: number; payload: Buffer; length: number } | null {
  if (bytes.length < 2) return null;
  const short = bytes[1]! & 127;
  const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const masked = bytes[1]! > 127 ? 4 : 0;
  const start = 2 + sizeBytes + masked;
  if (bytes.length < start) return null;
  const size = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + size) return null;
  const payload = Buffer.from(bytes.subarray(start, start + size));
  for (let i = 0; masked > 0 && i < size; i++) payload[i]! ^= bytes[start - 4 + (i & 3)]!;
  return { first: bytes[0]!, payload, length: start + size };
}

function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = first;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

/** Sends every message back. */
function echo(socket: Duplex, rest: Buffer): void {
  let bytes = rest;
  const read = (): void => {
    for (let found = frameIn(bytes); found !== null; found = frameIn(bytes)) {
      bytes = bytes.subarray(found.length);
      socket.write(frame(found.first, found.payload));
      if (found.first === CLOSE) socket.end();
    }
  };
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    read();
  });
  socket.on("error", () => undefined);
  read();
}

const service = createServer((request, response) => response.end(request.headers.upgrade ?? "plain"));
const sockets = new Set<Duplex>();
let servicePort = 0;

beforeEach(async () => {
  service.removeAllListeners("upgrade");
  service.on("upgrade", (request, socket, rest) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    echo(socket, rest);
  });
  await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
  servicePort = (service.address() as AddressInfo).port; // it listens on a port
});

afterEach(() => {
  service.close();
  service.closeAllConnections();
  for (const socket of sockets) socket.destroy();
});

/** A proxy in which `Host: 127.0.0.1:<its port>` means the service, which is what a WebSocket asks for. */
async function proxied(setup: ProxySetup = {}) {
  const world = tcpWorld();
  const dtab = `/svc => /$/inet/127.0.0.1/${servicePort}; /connect/echo/7 => /$/inet/127.0.0.1/${servicePort};`;
  const proxy = await Proxy.start(world, { modern: true, ...setup, dtab });
  return {
    world,
    proxy,
    url: `ws://127.0.0.1:${proxy.port()}/chat`,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("error", () => reject(new Error(`no WebSocket at ${url}`)));
  });
  return socket;
}

function next(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data), { once: true });
  });
}

async function closed(socket: WebSocket): Promise<void> {
  const gone = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  socket.close();
  await gone;
}

test("a WebSocket works through the proxy: small messages, large ones, and its end", async () => {
  await using scene = await proxied();
  const socket = await opened(scene.url);
  for (let i = 0; i < 50; i++) {
    const answer = next(socket);
    socket.send(`message ${i}`);
    expect(await answer).toBe(`message ${i}`);
  }
  const large = Buffer.alloc(3_000_000);
  for (let at = 0; at < large.length; at++) large[at] = (at * 31) % 251;
  for (let i = 0; i < 3; i++) {
    const answer = next(socket);
    socket.send(large);
    expect(Buffer.from((await answer) as ArrayBuffer).equals(large)).toBe(true);
  }
  await closed(socket);
  await scene.proxy.recorded(1);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 101, outcome: "success", cause: "" });
  expect(scene.proxy.lastRecord.responseBytes).toBeGreaterThan(9_000_000);
});

test("many WebSockets at a time keep their messages apart, and leave nothing behind when they end anyhow", async () => {
  await using scene = await proxied();
  const { proxy, world } = scene;
  const all = await Promise.all(Array.from({ length: 60 }, () => opened(scene.url)));
  for (let round = 0; round < 5; round++) {
    const answers = all.map(next);
    for (const [i, socket] of all.entries()) socket.send(`${i} of ${round}`);
    expect(await Promise.all(answers)).toEqual(all.map((_, i) => `${i} of ${round}`));
  }
  expect(proxy.serverMetric("tunnels", "active")).toBe(60);
  for (const [i, socket] of [...sockets].entries()) if (i % 2 === 0) socket.destroy();
  await Promise.all(all.map(closed));
  await world.until("all to end", () => proxy.serverMetric("tunnels", "active") === 0);
  await world.until("nothing in use", () => proxy.inUse()["accepted"] === 0);
  await world.until("the sockets of the service to close", () => sockets.size === 0);
  expect(proxy.records.length).toBe(60);
});

test("in a file of Linkerd 1.x there are none", async () => {
  await using scene = await proxied({ modern: false });
  await expect(opened(scene.url)).rejects.toThrow("no WebSocket");
});

test("CONNECT on real sockets: half-closed by the caller, and answered to the end", async () => {
  const world = tcpWorld();
  const upper = net.createServer({ allowHalfOpen: true }, (socket) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("end", () => socket.end(text.toUpperCase()));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((done) => void upper.listen(0, "127.0.0.1", done));
  world.atEnd(() => void upper.close());
  const dtab = `/connect/upper/7 => /$/inet/127.0.0.1/${(upper.address() as AddressInfo).port};`;
  {
    await using proxy = await Proxy.start(world, { modern: true, server: { connect: true }, dtab });
    const caller = net.connect({ host: "127.0.0.1", port: proxy.port(), allowHalfOpen: true });
    let received = "";
    caller.on("data", (chunk: Buffer) => (received += chunk.toString()));
    const over = new Promise<void>((resolve) => caller.on("close", () => resolve()));
    const much = "abcdefgh".repeat(100_000);
    caller.write(`CONNECT upper:7 HTTP/1.1\r\nHost: upper:7\r\n\r\n${much}`);
    caller.end();
    await over;
    expect(received).toBe(`HTTP/1.1 200 OK\r\nVia: 1.1 fairlead\r\n\r\n${much.toUpperCase()}`);
    await proxy.recorded(1);
    expect(proxy.lastRecord).toMatchObject({ status: 200, cause: "", requestBytes: much.length });
  }
  await world[Symbol.asyncDispose]();
});
