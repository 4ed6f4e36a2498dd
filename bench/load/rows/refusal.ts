// What a refusal costs beside a served request: one proxy serves, the other has a single place, which is taken as long as it is measured.
import { connect as connectHttp2 } from "node:http2";
import net from "node:net";
import { once } from "node:events";
import { type Bench, type Figure, notesOn, ownFigure, type Row, type RowOutcome } from "../bench.ts";
import { SHARED_DTAB, startFairlead } from "../fairlead.ts";
import { type Family, speaking } from "../families.ts";
import { sharesUpstream } from "../peers-http2.ts";
import type { Proxy } from "../proxy.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds, type Slice } from "../rounds.ts";

interface RefusalRow {
  readonly name: string;
  readonly says: string;
  readonly family: Family & ("h1" | "h2");
  readonly load: Load;
}

const SERVING = "serving";
const REFUSING = "refusing";
/** A fifth of a served request. */
const TARGET = { must: 0.2 };

/** A service that takes connections and says nothing. */
async function silentService(): Promise<net.Server> {
  const server = net.createServer((socket) => socket.on("error", () => undefined).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** Takes the only place of a proxy, with a request to the silent service. Settled when the service has been connected to. */
async function takePlace({ family, port }: Proxy, silent: net.Server): Promise<Disposable> {
  const reached = once(silent, "connection");
  if (family === "h1") {
    const socket = net.connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: silent\r\n\r\n");
    await reached;
    return { [Symbol.dispose]: () => socket.destroy() };
  }
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.request({ ":authority": "silent" }).on("error", () => undefined); // when the proxy is stopped
  await reached;
  return { [Symbol.dispose]: () => session.destroy() };
}

async function startBoth(
  bench: Bench,
  family: RefusalRow["family"],
  silent: net.Server,
): Promise<readonly [Proxy, Proxy]> {
  const { extra } = bench.site.ports;
  const names = sharesUpstream(bench.site, family) ? SHARED_DTAB : "/svc => /#/io.l5d.fs ;";
  const { port } = silent.address() as net.AddressInfo; // it listens on a port
  const setup = { family, modern: true, dtab: `${names}\n/svc/silent => /$/inet/127.0.0.1/${port} ;` };
  const serving = (await startFairlead(bench.site, { ...setup, name: SERVING, port: extra })).proxy;
  try {
    const serverKeys = "    maxConcurrentRequests: 1\n";
    return [
      serving,
      (await startFairlead(bench.site, { ...setup, name: REFUSING, port: extra + 2, serverKeys })).proxy,
    ];
  } catch (error) {
    await serving.stop();
    throw error;
  }
}

async function compare(
  bench: Bench,
  row: RefusalRow,
  proxies: readonly [Proxy, Proxy],
  silent: net.Server,
): Promise<RowOutcome> {
  const [, refusing] = proxies;
  using _place = await takePlace(refusing, silent);
  const measure: Slice = async (proxy, round, plan) => {
    const window = await bench.window(proxy, round, plan);
    if (proxy !== refusing) return window;
    if (window.ok > 0) throw new Error(`${window.ok} requests were served that should have been refused`);
    // Of this proxy the answers that count are the refusals.
    return { ...window, ok: window.non2xx, non2xx: 0, cpuUsPerRequest: window.proxyCpuNs / 1000 / window.non2xx };
  };
  const windows = await measureRounds(bench, proxies, row.load, measure);
  const cost = (measured: string, name: string): Figure => ({
    ...ownFigure(measured, "µs", 0),
    ...costs(windows, name),
  });
  return {
    figures: [
      cost("CPU per request served", SERVING),
      cost("CPU per request refused", REFUSING),
      { ...ownFigure("CPU, refused ÷ served", "×", 0, TARGET), ...ratios(windows, REFUSING, SERVING) },
    ],
    raw: { windows },
    notes: notesOn(windows),
  };
}

function toRow(row: RefusalRow): Row {
  return {
    name: row.name,
    says: `a request refused for want of a place, against one that is served: ${row.says}`,
    quick: false,
    peers: false,
    seconds: (bench) => secondsOfRounds(bench, 2) + 3,
    async measure(bench) {
      const silent = await silentService();
      const proxies = await startBoth(bench, row.family, silent);
      try {
        return await compare(bench, row, proxies, silent);
      } finally {
        await Promise.all(proxies.map((proxy) => proxy.stop()));
        silent.close();
      }
    },
  };
}

export const refusalRows: readonly Row[] = [
  {
    name: "refusal-h1-c64",
    says: "GET, 12 headers, 64 connections",
    family: "h1" as const,
    load: { connections: 64 },
  },
  {
    name: "refusal-h2-c8m32",
    says: "8 connections × 32 streams",
    family: "h2" as const,
    load: { ...speaking("h2"), grpc: 0 as const, connections: 8, streams: 32 },
  },
].map(toRow);
