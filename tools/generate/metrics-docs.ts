// docs/metrics.md, for tools/generate-docs.ts to write or to compare.
import { type MetricDoc, METRICS } from "../../src/telemetry/names.ts";

/** The parts of the document; a metric belongs to the first whose scope its name begins with. */
const PARTS: readonly (readonly [scope: string, title: string, words: string])[] = [
  [
    "rt/<router>/server/<address>/",
    "Servers",
    "One for each address a router listens on; `<address>` is `ip/port` as configured.",
  ],
  [
    "rt/<router>/service/<path>/",
    "Services",
    "One for each logical name, such as `svc/users`: every request once, however often it is sent again below.",
  ],
  [
    "rt/<router>/client/<bound>/service/<path>/",
    "Services of a client",
    "What each logical name contributes to a client.",
  ],
  [
    "rt/<router>/client/<bound>/",
    "Clients",
    "One for each bound name, such as `#/io.l5d.fs/users`: every attempt, so that what is sent again counts again.",
  ],
  [
    "rt/<router>/",
    "Routers",
    "Caches of names, and the router itself. What request filters, identifiers and protocols of plug-ins count is here too: `fairlead check --docs` prints it.",
  ],
  ["namer/<prefix>/", "Namers of plug-ins", "One for each namer that a plug-in brings."],
  ["access_log/", "Access logs", "Lines that could not be written."],
  ["admin/", "Admin server", "Connections of people and monitoring."],
  ["config/", "Configuration", "The file, and what became of its changes; only where there is one."],
  ["workers/", "Workers", "Threads that requests are shared out to; only where there are several."],
  ["process/", "Process", "In place of `jvm/*` of the original."],
];

const INTRODUCTION = `<!-- Generated from src/telemetry/names.ts by \`npm run docs\`. Do not edit. -->

# Metrics

All metrics are served by the [admin server](admin.md): as JSON at \`/admin/metrics.json\` (\`?q=rt/http/client\` for names that begin so, \`?tree=1\` for
nested objects, \`?pretty=1\` to read), and in the text format of Prometheus at \`/admin/metrics/prometheus\`, if the telemeter
\`io.l5d.prometheus\` is configured. Names are those of Linkerd 1.x. Under names as Prometheus wants them, all are at \`/metrics\`: see [prometheus.md](prometheus.md).

- A *counter* counts from the start of the process and never falls. The metrics of a service or client that was idle for long and is closed go with it.
- A *gauge* is what it is at the moment of reading.
- A *stat* is a distribution. In JSON it is \`.count\`, \`.min\`, \`.max\`, \`.avg\`, \`.sum\`, \`.p50\`, \`.p90\`, \`.p95\`, \`.p99\`, \`.p9990\` and \`.p9999\` of the last one to two
  minutes, so it does not fall to zero when a minute begins; when nothing was seen for that long, \`.count\` is 0 and stands alone. For Prometheus it is a summary, whose \`_count\` and
  \`_sum\` go on from the start.
- For Prometheus, scopes are joined by \`:\` and what is in \`<…>\` below becomes a label: \`rt/http/client/#/io.l5d.fs/users/failures/upstream.http.reset\` is
  \`rt:client:failures{rt="http", client="#/io.l5d.fs/users", exception="upstream.http.reset"}\`.
- Requests whose caller went away before the answer are counted nowhere.
- \`<x…>\` stands for one scope or more; \`<cause…>\` is a [cause](causes.md).
`;

const ABSENT = `## What the original has and this release has not

- \`handletime_us\` of servers: a request is handed on in the turn of the event loop it arrives in, and the clock is read once per turn.
- \`failfast/*\`, \`namer/*\`, \`interpreter/*\`: nothing here does what they count.
- \`jvm/*\`: see [Process](#process). \`jvm/uptime\` is \`process/uptime_ms\`, \`jvm/mem/current/used\` is \`process/memory/heap_used_bytes\`; pauses of the collector show in
  \`process/event_loop/lag_ms\`.
`;

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const parts = PARTS.map(([scope, title, words]) => {
    const rows = METRICS.filter(({ pattern }) => partOf(pattern) === scope).map((metric) => row(metric, scope));
    return `## ${title}\n\n${words}\n\nBelow \`${scope}\`:\n\n| name | kind | unit | meaning |\n|---|---|---|---|\n${rows.join("")}`;
  });
  return new Map([["docs/metrics.md", `${INTRODUCTION}\n${parts.join("\n")}\n${ABSENT}`]]);
}

function partOf(pattern: string): string {
  const found = PARTS.find(([scope]) => pattern.startsWith(scope) && !isOfService(pattern, scope));
  if (found === undefined) throw new Error(`docs/metrics.md has no part for ${pattern}`);
  return found[0];
}

/** A client's services have a part of their own. */
function isOfService(pattern: string, scope: string): boolean {
  return scope === "rt/<router>/client/<bound>/" && pattern.startsWith(`${scope}service/`);
}

function row({ pattern, kind, unit, doc }: MetricDoc, scope: string): string {
  return `| \`${pattern.slice(scope.length)}\` | ${kind} | ${unit === "1" ? "" : unit} | ${doc.replaceAll("|", "\\|")} |\n`;
}
