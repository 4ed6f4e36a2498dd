// Services that go wrong, each in one way (R12).
import type { Random } from "../../src/base/random.ts";
import type { Timer } from "../../src/base/timers.ts";
import type { BackendConnection, Behaviour, Received } from "./backend.ts";
import type { World } from "./world.ts";

const WHOLE = "0123456789";
const CHUNKED_HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const LENGTH_HEAD = `HTTP/1.1 200 OK\r\nContent-Length: ${WHOLE.length}\r\n\r\n`;

/** Never answers. */
export const swallow = (): Behaviour => ({ request: () => undefined });

/** Resets the connection as soon as it is made. */
export const resetOnConnect = (): Behaviour => ({ connected: (connection) => connection.peer.reset() });

/** Takes the whole request, and resets. */
export const resetOnRequest = (): Behaviour => ({ request: (_, connection) => connection.peer.reset() });

/** Finishes its own side at once and goes on listening: half open. */
export const halfOpen = (): Behaviour => ({
  connected: (connection) => connection.peer.end(),
  bytes: () => true,
});

/** Answers in another language. */
export const garbage = (): Behaviour => ({
  request: (_, connection) => connection.send("\x00\x01\x02 this is no HTTP \xff\r\n\r\n"),
});

/** Repeats something every so often, until the connection is gone. */
function beat(world: World, everyMs: number, connection: BackendConnection, act: () => boolean): void {
  const timer: Timer = world.env.timers.every(everyMs, () => {
    if (connection.closed || !act()) timer.cancel();
  });
}

/** Sends header lines for ever, as fast as they are taken. */
export const endlessHeader = (): Behaviour => ({
  request(_, connection) {
    connection.send("HTTP/1.1 200 OK\r\n");
    const line = Buffer.from(`X-More: ${"x".repeat(80)}\r\n`);
    connection.peer.pour(() => line);
  },
});

/** Sends the head at one byte per `everyMs`. */
export const drippingHead = (world: World, everyMs: number): Behaviour => ({
  request(_, connection) {
    let at = 0;
    const text = `HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(500)}\r\n`;
    beat(world, everyMs, connection, () => {
      connection.send(text[at++] ?? "");
      return at < text.length;
    });
  },
});

/** Sends the head, and then the body at one byte per `everyMs`. */
export const drippingBody = (world: World, everyMs: number): Behaviour => ({
  request(_, connection) {
    let at = 0;
    connection.send(LENGTH_HEAD);
    beat(world, everyMs, connection, () => {
      connection.send(WHOLE[at++] ?? "");
      return at < WHOLE.length;
    });
  },
});

/** Sends the head and part of the body, and then nothing. */
export const stuckBody = (): Behaviour => ({ request: (_, connection) => connection.send(`${LENGTH_HEAD}012`) });

/** Answers before it has the request's body, and does not read on. */
export const earlyAnswer = (): Behaviour => ({
  head(_, connection) {
    connection.reply(413, "too much");
    connection.peer.stream.pause();
  },
});

/** Sends interim answers and never a final one. */
export const interimStorm = (): Behaviour => ({
  request(_, connection) {
    const interim = Buffer.from("HTTP/1.1 103 Early Hints\r\n\r\n");
    connection.peer.pour(() => interim);
  },
});

/** Closes in the middle of a chunk. */
export const closesInChunk = (): Behaviour => ({
  request(_, connection) {
    connection.send(`${CHUNKED_HEAD}a\r\n01234`);
    connection.peer.end();
  },
});

/** Closes before the told length is reached. */
export const truncates = (): Behaviour => ({
  request(_, connection) {
    connection.send(`${LENGTH_HEAD}01234`);
    connection.peer.end();
  },
});

/** Resets in the middle of the body. */
export const resetsInBody = (): Behaviour => ({
  request(_, connection) {
    connection.send(`${LENGTH_HEAD}01234`);
    connection.peer.reset();
  },
});

/** Ends an answer with a malformed chunk. */
export const brokenChunk = (): Behaviour => ({
  request: (_, connection) => connection.send(`${CHUNKED_HEAD}5\r\n01234X5\r\n`),
});

/**
 * Answers well, and loses the race for kept connections (R7): closes them at random moments while they are idle, and sometimes just when
 * the next request arrives. What arrives on a connection it has closed is not read.
 * @param share of requests after which, and of reuses at which, a connection is closed.
 * @param withinMs how long after an answer an idle connection is closed, at most.
 */
export function losesRaces(
  world: World,
  random: Random,
  share: number,
  withinMs: number,
  answer: (request: Received, connection: BackendConnection) => void,
): Behaviour {
  const ended = new WeakSet<BackendConnection>();
  const close = (connection: BackendConnection, way: number) => {
    ended.add(connection);
    if (way === 0) connection.peer.end();
    else if (way === 1) connection.peer.destroy();
    else connection.peer.reset();
  };
  return {
    bytes(_chunk, connection) {
      if (ended.has(connection)) return true;
      if (connection.requests === 0 || connection.reader.midway || random.next() >= share) return false;
      close(connection, random.int(3));
      return true;
    },
    request(request, connection) {
      answer(request, connection);
      if (random.next() >= share) return;
      const { requests } = connection;
      world.env.timers.after(random.next() * withinMs, () => {
        if (connection.requests === requests && !connection.reader.midway && !connection.closed)
          close(connection, random.int(2));
      });
    },
  };
}
