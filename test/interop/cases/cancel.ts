// A caller leaves: does the application behind fairlead hear of it, and does its work stop? Every server's handlers work for 3 s in steps of
// 50 ms, each in every way that its table has, behind one hop and behind three.
import { request } from "node:http";
import http2 from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { type Chain, startChain } from "../chain.ts";
import { stopH2 } from "../h2.ts";
import type { Peer, Stage } from "../stage.ts";
import { type Served, type Subject, SUBJECTS } from "./cancel-servers.ts";
import { type Server, SERVERS, type Way, WHEN } from "./cancel-table.ts";

const LEAVES_AFTER_MS = 300;
/** How much later than the table says it may be told: a machine has other things to do, too. */
const SLACK_MS = 700;
/** Work that nobody stopped takes 3 s at least. */
const WHOLE_MS = 2950;
const PATIENCE_MS = 15_000;
const LOOK_MS = 20;

/** All share three fairleads, which are started for the first of them. */
let chain: Promise<Chain> | null = null;

export const cancel: readonly Peer[] = [
  ...SUBJECTS.map(peerOf),
  {
    name: "cancel: the three hops",
    named: false,
    needs: [],
    async run(stage) {
      if (chain !== null) await stopH2(stage, { ...(await chain), isFairlead: true });
    },
  },
];

function peerOf({ name, needs, start }: Subject): Peer {
  const server = SERVERS.find((one) => one.name === name);
  if (server === undefined) throw new Error(`${name} is not in the table`);
  return {
    name: `cancel: ${name}`,
    named: true,
    needs,
    run: async (stage, ...commands) => measure(stage, server, await start(stage, ...commands)),
  };
}

let calls = 0;

/** Makes all calls at once, and holds what the server says of each to the table. */
async function measure(stage: Stage, server: Server, served: Served): Promise<void> {
  const { at, disco } = await (chain ??= startChain(stage));
  const name = `cancel-${served.port}`;
  disco.put(name, [served.port]);
  const call = server.protocol === "gRPC" ? callGrpc : callHttp1;
  const version = server.protocol === "gRPC" ? "h2" : "http";
  const each = async ({ told, way }: Way, hops: 1 | 3) => {
    const id = `call-${++calls}`;
    const fate = await leaveEarly(served, id, () => call(at(version, hops), name, way, id));
    await stage.report.case(`${way}, ${hops === 1 ? "one hop" : "three hops"}: ${wordsOf(fate)}`, () => {
      judge(fate, told);
    });
  };
  await Promise.all(server.ways.flatMap((way) => [each(way, 1), each(way, 3)]));
}

/** The machine's clock, which the servers read, too. */
function nowMs(): number {
  return Math.round(performance.timeOrigin + performance.now());
}

/** Milliseconds after the caller left. */
interface Fate {
  readonly toldMs: number | null;
  readonly endedMs: number;
  /** How long it worked. */
  readonly workedMs: number;
}

/** Makes a call, leaves, and waits for the end of the work. */
async function leaveEarly({ said }: Served, id: string, call: () => () => void): Promise<Fate> {
  const heard = (word: string) => {
    const found = new RegExp(`^${id} ${word} (\\d+)$`, "m").exec(said());
    return found === null ? null : Number(found[1]);
  };
  const hear = async (word: string) => {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += LOOK_MS) {
      const whenMs = heard(word);
      if (whenMs !== null) return whenMs;
      await sleep(LOOK_MS);
    }
    throw new Error(`it never said "${word}" of ${id}; it said ${said().slice(-1000)}`);
  };
  const leave = call();
  const begunMs = await hear("begun");
  await sleep(begunMs + LEAVES_AFTER_MS - nowMs());
  const leftMs = nowMs();
  leave();
  const endedMs = await hear("ended");
  const toldMs = heard("told");
  return {
    toldMs: toldMs === null ? null : toldMs - leftMs,
    endedMs: endedMs - leftMs,
    workedMs: endedMs - begunMs,
  };
}

function wordsOf({ toldMs, workedMs }: Fate): string {
  return `${toldMs === null ? "not told" : `told after ${toldMs} ms`}, worked ${workedMs} ms`;
}

function judge({ endedMs, toldMs, workedMs }: Fate, told: Way["told"]): void {
  if (told === null) {
    if (toldMs !== null) throw new Error("the table says that it is never told");
    if (workedMs < WHOLE_MS) throw new Error("it stopped, and the table says that it goes on");
    return;
  }
  if (toldMs === null) throw new Error(`the table says that it is told ${told}`);
  if (Math.max(toldMs, endedMs) > WHEN[told] + SLACK_MS) throw new Error(`the table says ${told}`);
}

/** Ways that are asked with a body. */
const WITH_BODY: readonly string[] = ["read", "unread"];

/** Asks a service of HTTP/1.1 for a way; what is returned leaves. */
function callHttp1(address: string, name: string, way: string, id: string): () => void {
  const [method, body] = WITH_BODY.includes(way) ? ["POST", "a body"] : ["GET", ""];
  const options = { agent: false, method, headers: { host: name } };
  const sent = request(`http://${address}/${way}?id=${id}`, options, (answer) => {
    answer.on("error", () => undefined).resume(); // it is cut off when we leave
  });
  sent.on("error", () => undefined).end(body); // as above
  return () => void sent.destroy();
}

/** The same of gRPC: a call with an empty message, which is reset as every library does. */
function callGrpc(address: string, name: string, way: string, id: string): () => void {
  const session = http2.connect(`http://${address}`);
  const stream = session.request({
    ":method": "POST",
    ":authority": name,
    ":path": `/cancel.Work/${way}`,
    "content-type": "application/grpc",
    te: "trailers",
    id,
  });
  stream.on("error", () => undefined).end(Buffer.alloc(5)); // a reset that was asked for
  stream.once("close", () => session.close());
  return () => stream.close(http2.constants.NGHTTP2_CANCEL);
}
