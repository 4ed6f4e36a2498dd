// `Upgrade: h2c` and prior knowledge on the port of an http router (RFC 7540 §3.2, RFC 9113 §3.3).
import { expect, test } from "vitest";
import { CLIENT_PREFACE, type Frame, FrameCutter, settingsFrame, Type } from "../support/h2-frames.ts";
import { StoryDecoder } from "../support/hpack.ts";
import { Peer } from "../support/peer.ts";
import { memoryScene, type Scene } from "../support/scene.ts";
import type { MemoryWorld } from "../support/world.ts";

const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

function asking(fields: string, target = "/"): string {
  return `GET ${target} HTTP/1.1\r\nHost: web\r\n${fields}\r\n`;
}

const OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";

function caller({ proxy, world }: Scene<MemoryWorld>): Peer {
  const peer = Peer.connect(world, proxy.port());
  world.settle();
  return peer;
}

/** The frames in what a peer has received behind `text`. */
function framesBehind(peer: Peer, text: string): Frame[] {
  expect(peer.received.slice(0, text.length)).toBe(text);
  return new FrameCutter().push(Buffer.from(peer.received.slice(text.length), "latin1"));
}

function statusOf(frames: readonly Frame[], id: number): string | undefined {
  const head = frames.find((frame) => frame.type === Type.headers && frame.id === id);
  if (head === undefined) return undefined;
  return new StoryDecoder().decode(head.payload).find(([name]) => name === ":status")?.[1];
}

test("a request that asks for h2c becomes the first stream, and the connection goes on in HTTP/2", async () => {
  await using scene = await memoryScene();
  const peer = caller(scene);
  peer.send(asking(OFFER));
  scene.world.settle();
  peer.send(CLIENT_PREFACE, settingsFrame([]));
  await scene.world.until("the answer", () => statusOf(framesBehind(peer, SWITCHED), 1) !== undefined);
  const frames = framesBehind(peer, SWITCHED);
  expect(frames[0]?.type).toBe(Type.settings);
  expect(statusOf(frames, 1)).toBe("200");
  expect(scene.backend.requests[0]?.fields.map(([name]) => name.toLowerCase())).not.toContain("http2-settings");
  peer.destroy();
});

test("fields that Connection names end with the connection that was upgraded", async () => {
  await using scene = await memoryScene();
  const peer = caller(scene);
  peer.send(asking(`X-Hop: 1\r\nX-Kept: 2\r\n${OFFER.replace("Upgrade, ", "Upgrade, X-Hop, ")}`));
  await scene.world.until("the request", () => scene.backend.requests.length === 1);
  const names = scene.backend.requests[0]?.fields.map(([name]) => name.toLowerCase());
  expect(names).toContain("x-kept");
  expect(names).not.toContain("x-hop");
  peer.destroy();
});

test.each([
  ["without HTTP2-Settings", "Connection: Upgrade\r\nUpgrade: h2c\r\n", "/"],
  ["with two of them", `${OFFER}HTTP2-Settings: AAMAAABk\r\n`, "/"],
  ["with one that is no base64url", OFFER.replace("AAMAAABkAAQAAP__", "*"), "/"],
  ["for another protocol", OFFER.replace("h2c", "websocket"), "/"],
  ["in absolute form", OFFER, "http://web/"],
])("a request that asks %s is answered in HTTP/1.1", async (_, fields, target) => {
  await using scene = await memoryScene();
  const peer = caller(scene);
  peer.send(asking(fields, target));
  await scene.world.until("the answer", () => peer.received.includes("\r\n\r\n"));
  expect(peer.received).toMatch(/^HTTP\/1\.1 200 /);
  peer.destroy();
});

test("an upgrade asked for behind other requests of the same read goes on, although reading had stopped", async () => {
  await using scene = await memoryScene();
  const peer = caller(scene);
  peer.send(asking("") + asking(`X-Long: ${"x".repeat(7000)}\r\n`).repeat(3) + asking(OFFER));
  scene.world.settle();
  await scene.world.until("101", () => peer.received.includes(SWITCHED));
  peer.send(CLIENT_PREFACE, settingsFrame([]));
  const behind = () => framesBehind(peer, peer.received.slice(0, peer.received.indexOf(SWITCHED)) + SWITCHED);
  await scene.world.until("our settings acknowledged", () =>
    behind().some(({ flags, type }) => type === Type.settings && flags === 1),
  );
  expect(statusOf(behind(), 1)).toBe("200");
  peer.destroy();
});

test.each([1, 3, 24])("the preface is known also when it comes in pieces of %d octets", async (octets) => {
  await using scene = await memoryScene();
  const peer = caller(scene);
  const bytes = Buffer.concat([Buffer.from(CLIENT_PREFACE, "latin1"), settingsFrame([])]);
  for (let at = 0; at < bytes.length; at += octets) {
    peer.send(bytes.subarray(at, at + octets));
    scene.world.settle();
  }
  const frames = framesBehind(peer, "");
  expect(frames.map(({ type }) => type)).toEqual([Type.settings, Type.windowUpdate, Type.settings]);
  peer.destroy();
});

test("with http2: false the preface is refused with 505", async () => {
  await using scene = await memoryScene({ server: { http2: false } });
  const peer = caller(scene);
  peer.send(CLIENT_PREFACE, settingsFrame([]));
  await scene.world.until("the answer", () => peer.received.includes("\r\n\r\n"));
  expect(peer.received).toMatch(/^HTTP\/1\.1 505 /);
  peer.destroy();
});
