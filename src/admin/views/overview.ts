// The page at `/`: what every router does, at one look. Complete without JavaScript; with it, renewed once a second.
import { type MetricsTree, readingAt } from "../../telemetry/tree.ts";
import type { LocalAnswer } from "../../protocols/http1/local-answer.ts";
import { ChunkedText } from "../../telemetry/chunked-text.ts";
import { escaped, page } from "../answers.ts";
import type { RouterSubject, Subject } from "../subject.ts";
import { COLUMNS, type Entity, type Leaf, overviewRow } from "./overview-row.ts";
import { overviewScript } from "./overview-script.ts";

/** More rows of one kind than this nobody reads; the metrics have them all. */
const MAX_ROWS = 200;

const KINDS = [
  ["server", "servers"],
  ["service", "services"],
  ["client", "clients"],
] as const;

const STYLE = `:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 1.5em; }
table { border-collapse: collapse; }
th, td { padding: 2px 10px; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child { text-align: left; font-weight: normal; }
thead th { border-bottom: 1px solid; }
thead th:first-child { font-weight: bold; }`;

const LINKS = [
  ["log levels", "/logging", ""],
  ["configuration", "/config.json", ""],
  ["clients", "/client_state.json", ""],
  ["metrics", "/admin/metrics.json", "?pretty=1"],
  ["recent requests", "/requests", ""],
  ["everything else", "/admin", ""],
] as const;

interface Served {
  readonly path: string;
  readonly hidden?: boolean;
}

/** @param served the endpoints there are; only those are linked to. */
export async function overview(subject: Subject, served: readonly Served[]): Promise<LocalAnswer> {
  const paths = new Set(served.flatMap(({ hidden, path }) => (hidden === true ? [] : path)));
  const script = overviewScript(MAX_ROWS);
  const { createHash } = process.getBuiltinModule("node:crypto"); // loaded when the page is asked for: it costs 2 MB
  const hash = createHash("sha256").update(script).digest("base64");
  return page(
    html({ subject, root: await subject.metrics(), routers: await subject.routers() }, script, paths),
    `script-src 'sha256-${hash}'; style-src 'unsafe-inline'; connect-src 'self'`,
  );
}

interface Shown {
  readonly subject: Subject;
  readonly root: MetricsTree;
  readonly routers: readonly RouterSubject[];
}

function* html(
  { subject, root, routers }: Shown,
  script: string,
  paths: ReadonlySet<string>,
): Generator<string, void, undefined> {
  const text = new ChunkedText();
  const links = LINKS.filter(([, path]) => paths.has(path));
  text.add(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>fairlead</title><link rel="icon" href="data:,">
<style>${STYLE}</style></head>
<body>
<h1>fairlead ${escaped(subject.version)}</h1>
<p>${escaped(subject.readiness().detail)} · up <span id="uptime">${uptime(root)}</span> <span id="live"></span></p>
<p>${links.map(([title, path, query]) => `<a href="${path}${query}">${title}</a>`).join(" · ")}</p>
`);
  for (const router of routers) yield* routerTable(router, root, text);
  text.add(`<script>${script}</script>\n</body></html>\n`);
  yield text.take();
}

function uptime(root: MetricsTree): string {
  const metric = readingAt(root, "process", "uptime_ms");
  return metric?.kind === "gauge" ? `${Math.round(metric.value / 1000)} s` : "";
}

function* routerTable(router: RouterSubject, root: MetricsTree, text: ChunkedText): Generator<string, void, undefined> {
  const label = escaped(router.label);
  const servers = router.servers.map((server) => server.address).join(", ");
  text.add(`<h2>${label}</h2>
<p>${escaped(router.protocol)} on ${escaped(servers)} · <a href="/routers/${encodeURIComponent(router.label)}/stack.json">stacks</a></p>
<table>
`);
  for (const [kind, title] of KINDS) {
    text.add(
      `<thead><tr><th>${title}${COLUMNS.map((column) => `<th>${column}`).join("")}</tr></thead>\n<tbody data-router="${label}" data-kind="${kind}">\n`,
    );
    yield* rows(root.existing("rt")?.existing(router.label)?.existing(kind)?.children ?? [], text);
    text.add("</tbody>\n");
  }
  text.add("</table>\n");
}

function* rows(entities: Iterable<MetricsTree>, text: ChunkedText): Generator<string, void, undefined> {
  let shown = 0;
  for (const entity of entities) {
    if (++shown > MAX_ROWS) break;
    const cells = overviewRow(entityOf(entity), null, 1).map((cell) => `<td>${cell}`);
    text.add(`<tr><th>${escaped(entity.segment)}${cells.join("")}</tr>\n`);
    if (text.full) yield text.take();
  }
}

/** A scope in the form of the metrics tree, as far as a row needs it. */
function entityOf(scope: MetricsTree): Entity {
  const endpoints = scope.existing("endpoints");
  const below = endpoints === undefined ? {} : { endpoints: leaves(endpoints, ["alive", "dead", "probing"]) };
  return { ...leaves(scope, ["requests", "success", "request_latency_ms", "pending", "connections"]), ...below };
}

function leaves(scope: MetricsTree, names: readonly string[]): Record<string, Leaf> {
  return Object.fromEntries(
    names.flatMap((name): [string, Leaf][] => {
      const metric = scope.existing(name)?.metric ?? null;
      return metric === null ? [] : [[name, leafOf(metric)]];
    }),
  );
}

function leafOf(metric: NonNullable<MetricsTree["metric"]>): Leaf {
  if (metric.kind !== "stat") return { [metric.kind]: metric.value };
  const { count, p50, p95, p99 } = metric.snapshot();
  return count === 0 ? {} : { "stat.p50": p50, "stat.p95": p95, "stat.p99": p99 };
}
