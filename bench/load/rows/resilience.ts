// What resilience costs while nothing fails: today's defaults (deadlines kept, accrual by success rate, budgets, nack admission, slow start)
// against all of it switched off, and with everything on that is off by default, too.
import { type Bench, type Figure, notesOn, ownFigure, type Row, type RowOutcome } from "../bench.ts";
import { SHARED_DTAB, startFairlead } from "../fairlead.ts";
import { type Family, serversOf, speaking } from "../families.ts";
import { sharesUpstream } from "../peers-http2.ts";
import type { Proxy } from "../proxy.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds } from "../rounds.ts";

/** Policies of a client, as YAML below `client:`. Under more load than the proxy can take the limit would refuse most of it, so it may not. */
const CLIENTS = {
  off: "{ failureAccrual: { kind: none }, maxEjectionPercent: 100, slowStartMs: 0",
  defaults: "{",
  all: "{ hedge: {}, concurrencyLimit: { kind: fairlead.gradient, initialLimit: 1000, minLimit: 1000 }, healthCheck: { kind: fairlead.tcp }, failFast: true",
} as const;
type Setting = keyof typeof CLIENTS;

interface CostRow {
  readonly name: string;
  readonly says: string;
  readonly family: Family & ("h1" | "h2");
  readonly load: Load;
}

function keysOf(setting: Setting, family: CostRow["family"]): string {
  const client = CLIENTS[setting];
  const protocol = `protocol: ${serversOf(family) === "h2" ? "h2" : "http/1.1"}`;
  const deadlines = setting === "off" ? "  deadlines: off\n" : "";
  return `${deadlines}  client: ${client}${client === "{" ? " " : ", "}${protocol} }\n`;
}

async function startAll(bench: Bench, family: CostRow["family"]): Promise<Proxy[]> {
  const { extra } = bench.site.ports;
  const shared = sharesUpstream(bench.site, family);
  const started: Proxy[] = [];
  try {
    for (const [i, setting] of (["off", "defaults", "all"] as const).entries()) {
      const port = extra + 2 * i;
      const routerKeys = keysOf(setting, family);
      const setup = { name: setting, family, modern: true, port, routerKeys, ...(shared && { dtab: SHARED_DTAB }) };
      started.push((await startFairlead(bench.site, setup)).proxy);
    }
  } catch (error) {
    await Promise.all(started.map((proxy) => proxy.stop()));
    throw error;
  }
  return started;
}

async function compare(bench: Bench, row: CostRow, proxies: readonly Proxy[]): Promise<RowOutcome> {
  const windows = await measureRounds(bench, proxies, row.load);
  const cost = (measured: string, name: Setting): Figure => ({
    ...ownFigure(`CPU per request, ${measured}`, "µs", 0),
    ...costs(windows, name),
  });
  const ratio = (measured: string, name: Setting, must?: number): Figure => ({
    ...ownFigure(`CPU per request, ${measured} ÷ off`, "×", 0, must === undefined ? undefined : { must }),
    ...ratios(windows, name, "off"),
  });
  return {
    figures: [
      cost("off", "off"),
      cost("defaults", "defaults"),
      cost("everything on", "all"),
      ratio("defaults", "defaults", 1.1),
      ratio("everything on", "all"),
    ],
    raw: { windows },
    notes: notesOn(windows),
  };
}

function toRow(row: CostRow): Row {
  return {
    name: row.name,
    says: `resilience off, at its defaults, and all on: ${row.says}`,
    quick: false,
    peers: false,
    seconds: (bench) => secondsOfRounds(bench, 3) + 3,
    async measure(bench) {
      const proxies = await startAll(bench, row.family);
      try {
        return await compare(bench, row, proxies);
      } finally {
        await Promise.all(proxies.map((proxy) => proxy.stop()));
      }
    },
  };
}

export const resilienceRows: readonly Row[] = [
  {
    name: "resilience-h1-c64",
    says: "GET 1 kB, 12 headers, 64 connections",
    family: "h1" as const,
    load: { connections: 64 },
  },
  {
    name: "resilience-h2-c8m32",
    says: "gRPC unary with grpc-timeout, 8 connections × 32 streams",
    family: "h2" as const,
    load: { ...speaking("h2"), connections: 8, streams: 32 },
  },
].map(toRow);
