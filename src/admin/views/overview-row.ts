// One row of the overview. This function runs in two places: here, for browsers without JavaScript, and, as its own text, in the
// page, on what `/admin/metrics.json?tree=1` says. So it must stand by itself: no imports, no names from outside.

/** A metric as the tree form has it. */
export interface Leaf {
  readonly counter?: number;
  readonly gauge?: number;
  readonly "stat.p50"?: number;
  readonly "stat.p95"?: number;
  readonly "stat.p99"?: number;
}

/** What a row is made of: a server, a service or a client. */
export interface Entity {
  readonly requests?: Leaf;
  readonly success?: Leaf;
  readonly request_latency_ms?: Leaf;
  readonly pending?: Leaf;
  readonly connections?: Leaf;
  readonly endpoints?: { readonly alive?: Leaf; readonly dead?: Leaf; readonly probing?: Leaf };
}

/**
 * The cells of a row, in the order of `COLUMNS`.
 * @param before the same a while ago, or null; then rates are of the time between.
 * @param seconds that time.
 */
export function overviewRow(now: Entity, before: Entity | null, seconds: number): string[] {
  const count = (leaf: Leaf | undefined): number => leaf?.counter ?? leaf?.gauge ?? 0;
  const shown = (value: number | undefined, digits: number): string =>
    typeof value === "number" ? value.toFixed(digits) : "";
  // A client that was closed and opened again counts from zero.
  const since = (at: Leaf | undefined, then: Leaf | undefined): number => {
    const difference = count(at) - count(then);
    return difference < 0 ? count(at) : difference;
  };
  const requests = since(now.requests, before?.requests);
  const success = since(now.success, before?.success);
  const all = count(now.requests);
  const rate = requests > 0 ? success / requests : all > 0 ? count(now.success) / all : Number.NaN;
  const latency = now.request_latency_ms;
  return [
    String(all),
    before === null ? "" : (requests / seconds).toFixed(1),
    rate === rate ? `${(rate * 100).toFixed(2)} %` : "",
    shown(latency?.["stat.p50"], 1),
    shown(latency?.["stat.p95"], 1),
    shown(latency?.["stat.p99"], 1),
    shown(now.pending?.gauge, 0),
    shown(now.connections?.gauge, 0),
    shown(now.endpoints?.alive?.gauge, 0),
    shown(now.endpoints?.dead?.gauge, 0),
    shown(now.endpoints?.probing?.gauge, 0),
  ];
}

/** Headings. */
export const COLUMNS: readonly string[] = [
  "requests",
  "per s",
  "success",
  "p50 ms",
  "p95 ms",
  "p99 ms",
  "in progress",
  "connections",
  "alive",
  "dead",
  "probing",
];
