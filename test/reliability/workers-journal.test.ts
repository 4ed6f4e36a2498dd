// R19 with two workers: steady load over HTTP/1.1 and HTTP/2, every request with an id and the hash of its body, services that keep a
// journal; meanwhile the configuration is reloaded, workers are ended and the program is restarted. No request is lost, processed twice or answered with the answer
// of another; what was cut off with a worker was cut off when it died, and nothing else was.
import { createHash } from "node:crypto";
import http from "node:http";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { sized } from "../support/long.ts";
import { until } from "../support/program.ts";
import { WorkerSite } from "../support/worker-site.ts";

const SEED = 37;
const RUN_MS = sized(18_000, 120_000);
const STEP_MS = 600;
const HTTP1_CALLERS = 10;
const HTTP2_SESSIONS = 4;
const STREAMS_EACH = 3;
/** How long after the end of a worker somebody may learn of it, on a busy machine. */
const NOTICED_MS = 300;
const TRIES = 20;

interface Entry {
  readonly method: string;
  times: number;
}

/** What services have processed, and everything that is not as it must be. */
class Journal {
  readonly entries = new Map<string, Entry>();
  readonly wrong: string[] = [];

  enter(id: string, method: string, said: string, body: Buffer): void {
    if (sum(body) !== said) this.wrong.push(`${id}: its body arrived as another`);
    const entry = this.entries.get(id) ?? { method, times: 0 };
    this.entries.set(id, entry);
    entry.times++;
    if (method === "POST" && entry.times > 1) this.wrong.push(`${id}: a POST was processed ${entry.times} times`);
  }

  times(id: string): number {
    return this.entries.get(id)?.times ?? 0;
  }
}

function sum(body: Buffer): string {
  return createHash("md5").update(body).digest("hex");
}

/** The body of an answer is made from the id, and differs for all. */
function answerBody(id: string): Buffer {
  return Buffer.from(`${id};`.repeat(1 + (id.length % 7) * 40));
}

async function serve(journal: Journal, random: Random): Promise<http.Server> {
  const server = http.createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined); // the worker that sent it has died
    request.on("end", () => {
      const { "x-id": id = "none", "x-sum": said = "" } = request.headers as Record<string, string>;
      journal.enter(id, request.method ?? "", said, Buffer.concat(chunks));
      const body = answerBody(id);
      const send = () => answer.writeHead(200, { "x-id": id, "x-sum": sum(body) }).end(body);
      if (random.int(3) === 0) setTimeout(send, random.int(15));
      else send();
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return server;
}

interface Request {
  readonly id: string;
  readonly method: "GET" | "PUT" | "POST";
  readonly body: Buffer;
}

/** What became of one try. */
type Result =
  | {
      readonly at: "answered";
      readonly status: number;
      readonly id: string;
      readonly sum: string;
      readonly body: Buffer;
    }
  /** The connection was lost: nobody knows whether it was processed. */
  | { readonly at: "cut"; readonly why: string }
  /** The proxy said that it did nothing with it. */
  | { readonly at: "refused" };

interface Cut {
  readonly atMs: number;
  readonly what: string;
}

type Send = (request: Request) => Promise<Result>;

function headersOf({ body, id }: Request): Record<string, string> {
  return { "x-id": id, "x-sum": sum(body) };
}

function http1(port: number, agent: http.Agent): Send {
  return (request) =>
    new Promise((done) => {
      const { body, id, method } = request;
      const length = { "Content-Length": String(body.length) };
      const headers = { Host: "web", ...headersOf(request), ...(method === "GET" ? {} : length) };
      const cut = (error: Error) => done({ at: "cut", why: String(error) });
      http
        .request({ host: "127.0.0.1", port, path: `/${id}`, method, headers, agent }, (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", cut);
          answer.on("end", () => {
            const { "x-id": back = "", "x-sum": said = "" } = answer.headers as Record<string, string>;
            const status = answer.statusCode ?? 0;
            done({ at: "answered", status, id: back, sum: said, body: Buffer.concat(chunks) });
          });
        })
        .on("error", cut)
        .end(method === "GET" ? undefined : body);
    });
}

/** A session that is followed by another when the proxy wants it to go, or is gone. */
class Sessions {
  readonly #port: number;
  #current: http2.ClientHttp2Session | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  get session(): http2.ClientHttp2Session {
    if (this.#current !== null) return this.#current;
    const session = http2.connect(`http://127.0.0.1:${this.#port}`);
    this.#current = session;
    const over = () => {
      if (this.#current === session) this.#current = null;
    };
    session.on("goaway", over).on("close", over).on("error", over);
    return session;
  }

  close(): void {
    this.#current?.destroy();
  }
}

function h2(sessions: Sessions): Send {
  return (request) =>
    new Promise((done) => {
      const { body, id, method } = request;
      const { session } = sessions;
      const head = { ":method": method, ":path": `/${id}`, ":authority": "web", ...headersOf(request) };
      let stream: http2.ClientHttp2Stream;
      try {
        stream = session.request(head, { endStream: method === "GET" });
      } catch {
        return done({ at: "refused" }); // it is going: nothing was sent
      }
      const chunks: Buffer[] = [];
      let fields: Record<string, string | undefined> = {};
      let why = "";
      let ended = false;
      stream.on("response", (headers) => (fields = headers as unknown as typeof fields));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => (ended = true));
      stream.on("error", (error) => (why = String(error)));
      stream.on("close", () => {
        const status = Number(fields[":status"] ?? 0);
        if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return done({ at: "refused" });
        if (!ended || status === 0 || stream.rstCode !== 0)
          return done({ at: "cut", why: `${why}, code ${stream.rstCode}, status ${status}` });
        const { "x-id": back = "", "x-sum": said = "" } = fields;
        return done({ at: "answered", status, id: back, sum: said, body: Buffer.concat(chunks) });
      });
      if (method !== "GET") stream.end(body);
      return undefined;
    });
}

/** One caller after another request, each of which is tried until it is known what became of it. */
class Caller {
  readonly #send: Send;
  readonly #random: Random;
  readonly #name: string;
  readonly #journal: Journal;
  readonly #cuts: Cut[];
  succeeded = 0;
  #count = 0;

  constructor(name: string, send: Send, random: Random, journal: Journal, cuts: Cut[]) {
    this.#name = name;
    this.#send = send;
    this.#random = random;
    this.#journal = journal;
    this.#cuts = cuts;
  }

  async run(going: () => boolean): Promise<void> {
    while (going()) await this.#one();
  }

  async #one(): Promise<void> {
    const method = (["GET", "PUT", "POST"] as const)[this.#random.int(3)]!; // three
    const body = method === "GET" ? Buffer.alloc(0) : Buffer.alloc(this.#random.int(3000), this.#random.int(256));
    const request = { id: `${this.#name}-${++this.#count}`, method, body };
    const { wrong } = this.#journal;
    for (let tries = 0; tries < TRIES; tries++) {
      const before = this.#journal.times(request.id);
      const result = await this.#send(request);
      if (result.at === "answered") return this.#judge(request, result);
      if (result.at === "refused") {
        if (this.#journal.times(request.id) > before) wrong.push(`${request.id}: refused, and processed`);
      } else {
        this.#cuts.push({ atMs: performance.now(), what: `${request.id} ${method}: ${result.why}` });
        if (method === "POST") return undefined; // nobody may send it again
      }
      await sleep(5);
    }
    wrong.push(`${request.id}: no answer after ${TRIES} tries`);
  }

  #judge({ id }: Request, answer: Extract<Result, { readonly at: "answered" }>): void {
    const { wrong } = this.#journal;
    if (answer.status !== 200) return void wrong.push(`${id}: ${answer.status} ${answer.body.toString()}`);
    if (answer.id !== id) wrong.push(`${id}: got the answer of ${answer.id}`);
    if (answer.sum !== sum(answer.body) || !answer.body.equals(answerBody(id))) wrong.push(`${id}: another body`);
    if (this.#journal.times(id) === 0) wrong.push(`${id}: answered, and never processed`);
    this.succeeded++;
  }
}

function answers(site: WorkerSite): Promise<boolean> {
  return site.admin("/admin/ping").then(
    () => true,
    () => false,
  );
}

test(
  "Two workers under load, reloaded, restarted and ended over and over: nothing is lost, doubled or crossed",
  async () => {
    const random = seededRandom(SEED);
    const journal = new Journal();
    const services = [await serve(journal, random), await serve(journal, random)];
    const [a = "", b = ""] = services.map((one) => `/$/inet/127.0.0.1/${(one.address() as AddressInfo).port}`);
    const site = await WorkerSite.start({
      server: { http2: true },
      router: { dtab: `/svc/web => ${a}` },
      rest: { fairlead: 1 },
    });
    await using _ = site;
    // Whoever is the last of its successors is no child of ours, and must not outlive a test that fails.
    await using _last = {
      [Symbol.asyncDispose]: async () => void (await site.admin("/admin/shutdown", "POST").catch(() => undefined)),
    };
    const agent = new http.Agent({ keepAlive: true });
    const sessions = Array.from({ length: HTTP2_SESSIONS }, () => new Sessions(site.port));
    const cuts: Cut[] = [];
    const sends = [
      ...Array.from({ length: HTTP1_CALLERS }, () => http1(site.port, agent)),
      ...sessions.flatMap((one) => Array.from({ length: STREAMS_EACH }, () => h2(one))),
    ];
    const callers = sends.map((send, i) => new Caller(`${i}`, send, random, journal, cuts));
    let going = true;
    const running = callers.map((caller) => caller.run(() => going));

    const ends: number[] = [];
    const reload = async (rest: object, router: object) => {
      site.write(rest, router);
      const { status, text } = await site.admin("/admin/reload", "POST");
      if (status !== 200) journal.wrong.push(`a reload was refused: ${text}`);
    };
    const endWorker = async (worker: number) => {
      const { status } = await site.admin(`/admin/workers/replace?worker=${worker}`, "POST");
      if (status === 200) ends.push(performance.now());
    };
    let restarts = 0;
    const restart = async () => {
      const { status, text } = await site.admin("/admin/restart", "POST");
      if (status === 200) restarts++;
      else journal.wrong.push(`a restart failed: ${text}`);
    };
    const server = { port: site.port, http2: true };
    const steps: (() => Promise<unknown>)[] = [
      () => reload({ fairlead: 1 }, { dtab: `/svc/web => ${b}` }),
      () => endWorker(0),
      () =>
        reload(
          { fairlead: 1 },
          { dtab: `/svc/web => ${a} ; /svc/web => ${b}`, servers: [{ ...server, timeoutMs: 9000 }] },
        ),
      () => endWorker(1),
      () => reload({ fairlead: 1 }, { dtab: `/svc/web => 1 * ${a} & 1 * ${b}` }),
      () => Promise.all([endWorker(0), reload({ fairlead: 1 }, { dtab: `/svc/web => ${a}` })]),
      restart,
      () => reload({ fairlead: 1 }, { dtab: `/svc/web => ${a}`, servers: [{ ...server, maxConcurrentRequests: 500 }] }),
      () => endWorker(1),
    ];
    const untilMs = performance.now() + RUN_MS;
    for (let step = 0; performance.now() < untilMs; step++) {
      await steps[step % steps.length]?.();
      await sleep(STEP_MS);
    }
    going = false;
    await Promise.all(running);
    expect(journal.wrong).toEqual([]);
    const succeeded = callers.map((caller) => caller.succeeded);
    expect(Math.min(...succeeded)).toBeGreaterThan(50); // nobody is left out
    // Everything that was processed belongs to a request that somebody made, and each is accounted for: answered, or cut off.
    const answered = succeeded.reduce((total, count) => total + count, 0);
    const cutPosts = cuts.filter(({ what }) => what.includes(" POST: ")).length;
    expect(journal.entries.size).toBeGreaterThanOrEqual(answered);
    expect(journal.entries.size).toBeLessThanOrEqual(answered + cutPosts);
    // Cut off was only what a worker had that was ended: reloads and restarts cut off nothing.
    const unexplained = cuts.filter(
      ({ atMs }) => !ends.some((endMs) => atMs >= endMs - 50 && atMs < endMs + NOTICED_MS),
    );
    expect(unexplained).toEqual([]);
    expect(ends.length).toBeGreaterThan(5);
    expect(cuts.length).toBeGreaterThan(0); // or the ends met nobody, and the test said nothing
    expect(restarts).toBeGreaterThan(0);
    await until(
      () => site.program.child.exitCode !== null, // its output is its successor's, too, and goes on
      () => "the first process to end",
    );
    expect(site.program.child.exitCode).toBe(0);
    agent.destroy();
    for (const one of sessions) one.close();
    expect((await site.admin("/admin/shutdown", "POST")).status).toBe(200); // of the last of its successors
    for (let look = 0; look < 100 && (await answers(site)); look++) await sleep(50);
    expect(await answers(site)).toBe(false); // and that was the last
    for (const one of services) {
      one.close();
      one.closeAllConnections();
    }
  },
  RUN_MS + 20_000,
);
