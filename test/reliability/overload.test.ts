// R11: three times as many requests as a service can do. Those it can do are done, the others are refused at once, and when it is over all is
// well again soon.
import { createServer, type ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { quantile } from "../../bench/load/statistics.ts";
import { type Caller, callerOf } from "../../bench/scenarios/callers.ts";
import { type Asked, offer } from "../../bench/scenarios/offer.ts";
import { PROTOCOLS, type Protocol } from "../../bench/scenarios/plan.ts";
import { grpcMessage } from "../support/h2-service.ts";
import { NodeService } from "../support/h2-load.ts";
import { sized } from "../support/long.ts";
import { freePorts, Program } from "../support/program.ts";

/** The service does so many requests at a time, and each takes so long: 200 per second. */
const SLOTS = 4;
const WORK_MS = 20;
const CAPACITY = (SLOTS * 1000) / WORK_MS;
/** As many as it does, and as many again that wait. */
const LIMIT = 2 * SLOTS;
const PHASE_MS = sized(3000, 30_000);
const RECOVERY_MS = 2000;
const REFUSED = { http: "503 proxy.limit.concurrent-requests", grpc: "grpc-status 8 proxy.limit.concurrent-requests" };

/** Work that waits for its turn. */
class Slots {
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  do(work: () => void): void {
    if (this.#busy === SLOTS) {
      this.#waiting.push(work);
      return;
    }
    this.#busy++;
    setTimeout(() => {
      work();
      this.#busy--;
      const next = this.#waiting.shift();
      if (next !== undefined) this.do(next);
    }, WORK_MS);
  }
}

interface Service extends AsyncDisposable {
  readonly port: number;
}

async function httpService(): Promise<Service> {
  const slots = new Slots();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response: ServerResponse) => {
    const id = String(request.headers["x-id"]);
    request.resume();
    slots.do(() => response.writeHead(200, { "x-id": id }).end(`answer to ${id}\n`));
  });
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => void server.close(done));
    },
  };
}

function grpcService(): Promise<Service> {
  const slots = new Slots();
  return NodeService.start((stream, headers) => {
    const id = String(headers["x-id"]);
    stream.resume();
    slots.do(() => answer(stream, id));
  });
}

function answer(stream: ServerHttp2Stream, id: string): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, "content-type": "application/grpc", "x-id": id }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(grpcMessage(`answer to ${id}`));
}

async function startProxy(protocol: Protocol, service: number): Promise<{ proxy: Program; caller: Caller }> {
  const [port = 0, admin = 0] = await freePorts(2);
  const proxy = new Program(["run", "-"], {
    input: JSON.stringify({
      admin: { port: admin },
      routers: [
        {
          protocol: protocol === "grpc" ? "h2" : "http",
          dtab: `/svc/web => /$/inet/127.0.0.1/${service};`,
          servers: [{ port, maxConcurrentRequests: LIMIT }],
          ...(protocol === "grpc" && { identifier: { kind: "io.l5d.header.token" } }),
        },
      ],
    }),
  });
  await proxy.said("is ready");
  return { proxy, caller: callerOf(protocol, port, "web") };
}

/** Answers in time per second. */
function goodput(asked: readonly Asked[], forMs: number): number {
  return asked.filter(({ problem }) => problem === "").length / (forMs / 1000);
}

test.for(PROTOCOLS)(
  "three times the capacity costs %s no goodput, and the rest is refused at once",
  { timeout: 3 * PHASE_MS + 40_000 },
  async (protocol) => {
    await using service = await (protocol === "grpc" ? grpcService() : httpService());
    const { caller, proxy } = await startProxy(protocol, service.port);
    await using _proxy = proxy;
    await offer(caller, { rate: CAPACITY / 2, forMs: 1000, prefix: "warm-up-" });
    const peak = await offer(caller, { rate: CAPACITY, forMs: PHASE_MS, prefix: "peak-" });
    const over = await offer(caller, { rate: 3 * CAPACITY, forMs: PHASE_MS, prefix: "over-" });
    const after = await offer(caller, { rate: CAPACITY / 4, forMs: RECOVERY_MS + 1000, prefix: "after-" });
    caller.close();

    const refused = over.filter(({ problem }) => problem === REFUSED[protocol]);
    const refusedMs = refused.map(({ latencyMs }) => latencyMs);
    const [at1, at3] = [goodput(peak, PHASE_MS), goodput(over, PHASE_MS)];
    console.log(
      `${protocol}: goodput ${at1.toFixed(0)}/s at 1×, ${at3.toFixed(0)}/s at 3×; ${refused.length} refused in ` +
        `${quantile(refusedMs, 0.5).toFixed(1)} ms (p99 ${quantile(refusedMs, 0.99).toFixed(1)})`,
    );
    // A box that is busy with other things may lose one now and then.
    expect(over.filter(({ problem }) => problem !== "").length - refused.length).toBeLessThan(0.01 * over.length);
    expect(at3).toBeGreaterThanOrEqual(0.8 * at1);
    // The median: the load, the service and other tests have the same two cores.
    expect(quantile(refusedMs, 0.5)).toBeLessThan(5);
    expect(after.filter(({ dueMs, problem }) => dueMs >= RECOVERY_MS && problem !== "")).toEqual([]);
  },
);
