// Callers of a proxy that is restarted under them, as a process of its own: `node restart-callers.ts '{"port":…,"h2Port":…}'`. They call until
// their standard input ends, and then print what became of all requests. No request is ever sent twice, whatever happens to it.
import { randomUUID } from "node:crypto";
import http from "node:http";
import http2, { type ClientHttp2Session } from "node:http2";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What became of them. */
export interface CallersReport {
  /** By the kind of caller: the requests that were answered as they should. */
  readonly served: Readonly<Record<string, readonly string[]>>;
  /** What went wrong, by the kind of caller. */
  readonly failures: readonly string[];
  /** Sessions of HTTP/2 that were asked to go. */
  readonly goaways: number;
}

export interface CallersOrder {
  /** Speaks HTTP/1.1. */
  readonly port: number;
  /** Speaks HTTP/2; its service sends a stream of what it is sent. */
  readonly h2Port: number;
  /** Of each kind. */
  readonly callers: number;
}

const STREAM_CHUNKS = 12;
const CHUNK_EVERY_MS = 25;
/** Before a connection's first request. */
const YOUNG_MS = 60;

const order = JSON.parse(process.argv[2] ?? "{}") as CallersOrder;
const served: Record<string, string[]> = {};
const failures: string[] = [];
let goaways = 0;
let over = false;
process.stdin.on("end", () => (over = true)).resume();

type Call = (id: string, turn: number) => Promise<void>;

async function keepCalling(kind: string, call: Call): Promise<void> {
  const ids = (served[kind] ??= []);
  for (let turn = 0; !over; turn++) {
    const id = randomUUID();
    try {
      await call(id, turn);
      ids.push(id);
    } catch (error) {
      const { code = "", message } = error as NodeJS.ErrnoException;
      failures.push(`${kind} turn ${turn} at ${Math.round(performance.now())} ms: ${code} ${message}`);
      await sleep(5);
    }
  }
}

function ask(agent: http.Agent | false, id: string, body: string | null): Promise<void> {
  return new Promise((done, reject) => {
    const method = body === null ? "GET" : "POST";
    const headers = { Host: "web", "X-Id": id };
    const asking = http.request({ host: "127.0.0.1", port: order.port, agent, method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("error", reject);
      answer.on("end", () =>
        answer.statusCode === 200 && text === `${id} ${body?.length ?? 0}`
          ? done()
          : reject(new Error(`${answer.statusCode} ${text}`)),
      );
    });
    asking.on("error", reject);
    asking.end(body ?? undefined);
  });
}

/** Keeps its connection, and sends a body with every second request. */
function kept(): Call {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return async (id, turn) => {
    await ask(agent, id, turn % 2 === 0 ? null : "x".repeat(turn % 5 === 0 ? 100_000 : 20));
    if (turn % 16 === 0) await sleep(turn % 64);
  };
}

/** Connects early and asks later. */
const young: Call = (id, turn) =>
  new Promise((done, reject) => {
    let text = "";
    const socket = net.connect(order.port, "127.0.0.1", () => {
      setTimeout(() => socket.write(`GET / HTTP/1.1\r\nHost: web\r\nX-Id: ${id}\r\n\r\n`), (turn * 7) % YOUNG_MS);
    });
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (!text.includes(id)) return;
      socket.destroy();
      if (text.startsWith("HTTP/1.1 200 ")) done();
      else reject(new Error(text));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after "${text}"`)));
  });

/** Long streams over a session for as long as that lasts. */
function streams(): Call {
  let session: ClientHttp2Session | null = null;
  return async (id) => {
    let isSent = false;
    while (!isSent) {
      if (session === null || session.closed || session.destroyed) {
        session = http2.connect(`http://127.0.0.1:${order.h2Port}`);
        session.on("error", () => undefined); // its streams say it
        session.on("goaway", () => goaways++);
      }
      isSent = await streamed(session, id);
    }
  };
}

const HEADERS = 1;

/** @returns whether it was sent at all: of what it has ready when GOAWAY comes, nghttp2 sends nothing any longer, and refuses it itself */
function streamed(session: ClientHttp2Session, id: string): Promise<boolean> {
  return new Promise((done, reject) => {
    const stream = session.request({ ":method": "POST", ":authority": "web", "x-id": id }, { endStream: false });
    stream.on("frameError", (type) => type === HEADERS && done(false));
    let status = 0;
    let sent = "";
    let came = "";
    const beat = setInterval(() => {
      const chunk = `${id} ${sent.length};`;
      sent += chunk;
      stream.write(chunk);
      if (sent.length < STREAM_CHUNKS * chunk.length) return;
      clearInterval(beat);
      stream.end();
    }, CHUNK_EVERY_MS);
    stream.on("response", (head) => (status = Number(head[":status"])));
    stream.setEncoding("utf8").on("data", (chunk: string) => (came += chunk));
    stream.on("error", (error) => {
      clearInterval(beat);
      reject(error);
    });
    stream.on("close", () => {
      clearInterval(beat);
      if (status === 200 && came === sent && stream.rstCode === 0) done(true);
      else reject(new Error(`${status}, ${came.length} of ${sent.length} bytes, code ${stream.rstCode}`));
    });
  });
}

await Promise.all(
  Array.from({ length: order.callers }, () => [
    keepCalling("kept", kept()),
    keepCalling("single", (id, turn) => ask(false, id, turn % 4 === 0 ? "body" : null)),
    keepCalling("young", young),
    ...(order.h2Port === 0 ? [] : [keepCalling("streams", streams())]),
  ]).flat(),
);
process.stdout.write(JSON.stringify({ served, failures, goaways } satisfies CallersReport), () => process.exit(0));
