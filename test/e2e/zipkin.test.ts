// The telemeters of Zipkin in real processes: what a receiver gets over HTTP and by Scribe, and receivers that say no, are slow, or are not there.
// A real Zipkin is in test/interop.
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { ZipkinSpan } from "../../src/exporters/zipkin/spans.ts";
import { freePorts, until } from "../support/program.ts";
import { WorkerSite } from "../support/worker-site.ts";

/** What is wrong with a span, by the rules of Zipkin's JSON. */
function problemsOf(span: ZipkinSpan): string[] {
  const rules: readonly (readonly [string, boolean])[] = [
    ["traceId", /^(?:[0-9a-f]{16}){1,2}$/.test(span.traceId)],
    ["id", /^[0-9a-f]{16}$/.test(span.id)],
    ["parentId", span.parentId === undefined || /^[0-9a-f]{16}$/.test(span.parentId)],
    ["kind", ["SERVER", "CLIENT"].includes(span.kind)],
    ["name", span.name !== "" && span.name === span.name.toLowerCase()],
    ["timestamp", Number.isSafeInteger(span.timestamp) && span.timestamp > 1e15],
    ["duration", Number.isSafeInteger(span.duration) && span.duration > 0],
    ["tags", Object.values(span.tags).every((value) => typeof value === "string" && value !== "")],
    ["localEndpoint", span.localEndpoint.serviceName === "http"],
  ];
  return rules.flatMap(([name, good]) => (good ? [] : [name]));
}

/** A receiver that keeps what it gets, and answers as the test says. */
class Receiver implements AsyncDisposable {
  readonly spans: ZipkinSpan[] = [];
  readonly problems: string[] = [];
  requests = 0;
  status = 202;
  delayMs = 0;
  readonly #server = http.createServer((request, answer) => {
    this.requests++;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.#take(request, Buffer.concat(chunks));
      setTimeout(() => answer.writeHead(this.status).end(), this.delayMs);
    });
  });

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((done) => void receiver.#server.listen(0, "127.0.0.1", done));
    return receiver;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // it listens on a port
  }

  #take({ headers, method, url }: http.IncomingMessage, body: Buffer): void {
    const said = `${method} ${url} ${headers.host} ${headers["content-type"]}`;
    if (said !== "POST /api/v2/spans zipkin application/json") this.problems.push(said);
    const json = headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    const spans = JSON.parse(json.toString()) as ZipkinSpan[]; // what is wrong with it is told
    for (const span of spans) this.problems.push(...problemsOf(span).map((key) => `${key} of ${JSON.stringify(span)}`));
    if (this.status < 300) this.spans.push(...spans);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => void this.#server.close(() => done()));
  }
}

const HTTP = "telemeter/io.zipkin.http";

test("Both spans of every sampled request arrive once, from both workers, those of the last moment before the stop included", async () => {
  await using receiver = await Receiver.start();
  const telemetry = [{ kind: "io.zipkin.http", host: receiver.host, initialSampleRate: 1 }];
  const traces: (string | undefined)[] = [];
  await using site = await WorkerSite.start({
    rest: { telemetry },
    serve: (request, answer) => {
      traces.push(request.headers["l5d-ctx-trace"]?.toString());
      answer.end();
    },
  });
  const [[first], [second]] = await site.connections(1);
  const before = traces.length;
  for (let i = 0; i < 20; i++) await (i % 2 === 0 ? first : second)?.ask(`/${i}`);
  await until(
    () => receiver.spans.length >= 2 * traces.length,
    () => `${2 * traces.length} spans, not ${receiver.spans.length}`,
  );
  for (let i = 0; i < 5; i++) await second?.ask(`/last-${i}`);
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
  expect(receiver.problems).toEqual([]);
  expect(receiver.spans.length).toBe(2 * traces.length);
  expect(traces.length).toBe(before + 25);
  const clients = receiver.spans.filter(({ kind }) => kind === "CLIENT");
  // What the service was told is the client's span, and that it is sampled.
  const told = traces.map((text) => Buffer.from(text ?? "", "base64").toString("hex"));
  expect(told.map((hex) => hex.slice(0, 16)).toSorted()).toEqual(clients.map(({ id }) => id).toSorted());
  expect(new Set(told.map((hex) => hex.slice(48)))).toEqual(new Set(["0000000000000006"]));
  for (const client of clients) {
    const server = receiver.spans.find(({ id, kind }) => kind === "SERVER" && id === client.parentId);
    expect(server?.traceId).toBe(client.traceId);
    expect(server?.timestamp).toBeLessThanOrEqual(client.timestamp);
  }
}, 30_000);

test("A trace that was decided against is not told of; without a rate one in a thousand is", async () => {
  await using receiver = await Receiver.start();
  const telemetry = [{ kind: "io.zipkin.http", host: receiver.host, compressionEnabled: false }];
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  const connection = site.connect();
  const trace = (flags: string, last: string) =>
    Buffer.from(`00000000000000010000000000000002000000000000${last}000000000000000${flags}`, "hex").toString("base64");
  await connection.ask("/against", { "l5d-ctx-trace": trace("2", "0000") });
  await connection.ask("/undecided-high", { "l5d-ctx-trace": trace("0", "ffff") }); // 0.4 % of all draws lie below
  await connection.ask("/undecided-low", { "l5d-ctx-trace": trace("0", "0fff") }); // and here 0.02 %
  await connection.ask("/sampled", { "l5d-ctx-trace": trace("6", "ffff") });
  await connection.ask("/asked-for", { "l5d-sample": "1" });
  await until(
    () => receiver.spans.length >= 6,
    () => `6 spans, not ${receiver.spans.length}`,
  );
  await sleep(1200);
  const uris = receiver.spans.flatMap(({ tags }) => tags["http.uri"] ?? []);
  expect(uris.toSorted()).toEqual(["/asked-for", "/sampled", "/undecided-low"]);
  expect(receiver.problems).toEqual([]);
}, 30_000);

test("A receiver that is slow and says no loses spans, a bounded number waits, and requests do not notice", async () => {
  await using receiver = await Receiver.start();
  receiver.status = 500;
  receiver.delayMs = 1500;
  const telemetry = [{ kind: "io.zipkin.http", host: receiver.host, initialSampleRate: 1 }];
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  const connections = Array.from({ length: 10 }, () => site.connect());
  let slowestMs = 0;
  const ask = async (connection: (typeof connections)[number]) => {
    for (let i = 0; i < 200; i++) {
      const beganMs = performance.now();
      expect((await connection.ask("/x")).status).toBe(200);
      slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    }
  };
  await Promise.all(connections.map(ask));
  expect(slowestMs).toBeLessThan(1000);
  // 2000 requests: of those, 100 under way and 1000 that wait; batches that were lost meanwhile make room for 100 each.
  const figures = await site.metrics();
  expect(figures[`${HTTP}/dropped`]).toBeGreaterThanOrEqual(2 * (2000 - 1100 - 100 * receiver.requests));
  expect(figures[`${HTTP}/sent`]).toBe(0);
  await site.program.said(`${receiver.host} does not take spans (it answers with status 500)`);
  receiver.status = 202;
  receiver.delayMs = 0;
  await site.program.said(`${receiver.host} takes spans again`);
  await until(
    () => receiver.spans.length > 0,
    () => "spans",
  );
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
}, 30_000);

test("A receiver that is not there holds nothing up, the stop included", async () => {
  const [port] = await freePorts(1);
  const telemetry = [
    { kind: "io.zipkin.http", host: `127.0.0.1:${port}`, initialSampleRate: 1 },
    { kind: "io.l5d.zipkin", host: "nobody.invalid", port, sampleRate: 1 },
  ];
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  expect((await site.connect().ask("/")).status).toBe(200);
  await site.program.said(`127.0.0.1:${port} does not take spans (the connection failed (`);
  await site.program.said(`nobody.invalid:${port} does not take spans (`);
  const figures = await site.metrics();
  expect([figures[`${HTTP}/failures`], figures[`${HTTP}/dropped`]]).toEqual([1, 2]);
  expect(figures["telemeter/io.l5d.zipkin/dropped"]).toBe(2);
  await site.connect().ask("/");
  const beganMs = performance.now();
  site.program.signal("SIGTERM");
  expect(await site.program.end()).toBe(0);
  expect(performance.now() - beganMs).toBeLessThan(6000);
}, 30_000);

test("Scribe gets a call for each batch, and its answer is read", async () => {
  const calls: Buffer[] = [];
  const server = net.createServer((socket) => {
    let read: Buffer = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      if (read.length < 4 || read.length < 4 + read.readInt32BE(0)) return;
      calls.push(read);
      // The first batch is refused: TRY_LATER. Answers come in two parts.
      const code = calls.length === 1 ? "01" : "00";
      const reply = Buffer.from(
        `0000001680010002000000034c6f67000000000800000000 00${code}00`.replaceAll(" ", ""),
        "hex",
      );
      socket.write(reply.subarray(0, 9));
      setTimeout(() => socket.write(reply.subarray(9)), 20);
    });
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  using _ = { [Symbol.dispose]: () => void server.close() };
  const { port } = server.address() as AddressInfo; // it listens on a port
  const telemetry = [{ kind: "io.l5d.zipkin", host: "127.0.0.1", port, sampleRate: 1 }];
  await using site = await WorkerSite.start({ workers: 1, rest: { telemetry } });
  const connection = site.connect();
  await connection.ask("/refused");
  await site.program.said("does not take spans (it says that it has too much to do)");
  await connection.ask("/taken");
  await site.program.said("takes spans again");
  const figures = await site.metrics();
  expect(["sent", "dropped", "failures"].map((name) => figures[`telemeter/io.l5d.zipkin/${name}`])).toEqual([2, 2, 1]);
  const entries = [...(calls[1]?.toString("latin1") ?? "").matchAll(/zipkin\x0b\x00\x02\x00\x00..([\w+/=]+)/gs)];
  const spans = entries.map(([, base64]) => Buffer.from(base64 ?? "", "base64").toString("latin1"));
  expect(spans.length).toBe(2);
  expect(spans[0]).toContain("/taken");
  expect(spans[0]).toContain("sr");
  expect(spans[1]).toContain("cs");
}, 30_000);
