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
  ["telemeter/<kind>/", "Telemeters", "One for each kind of telemeter that sends something."],
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

const OTHERS = `## InfluxDB and StatsD

\`\`\`yaml
telemetry:
  - kind: io.l5d.influxdb       # served at /admin/metrics/influxdb
  - kind: io.l5d.statsd         # sent by UDP
    hostname: 127.0.0.1
    port: 8125
    prefix: linkerd
    gaugeIntervalMs: 10000
    sampleRate: 0.01
\`\`\`

**InfluxDB** reads lines: metrics of one place are the fields of one, such as \`rt:service,host=127.0.0.1:9990,rt=http,service=svc/users failures=0,requests=42,success=42\`. Tags are
\`rt\`, \`server\`, \`service\`, \`client\`, \`overridden\`, and \`host\`, which is the Host that was asked for. A stat is the fields \`_count\`, \`_sum\`, \`_avg\`, \`_min\`, \`_max\`, \`_p50\`, \`_p90\`, \`_p95\`,
\`_p99\`, \`_p999\` and \`_p9999\` of the last one to two minutes. Commas, blanks and equals signs of names are escaped.

**StatsD** is sent everything once in \`gaugeIntervalMs\`, and once more at the stop. Names are as above with dots for slashes and underscores for what is no letter and no digit, behind
\`prefix\`: \`linkerd.rt.http.server.127_0_0_1.4140.requests\`.

- A counter is sent as what it grew by since the last time (\`|c\`), without \`@\`: nothing is lost to sampling, and rare failures arrive. One that did not grow is not sent.
- A gauge is sent each time (\`|g\`).
- Of a stat so many values are sent (\`|ms\`) as \`sampleRate\` says, at most 200 of each in one interval, with the share beside them (\`@0.01\`), so that counts come out right. They are
  drawn from between the bounds that \`/metrics\` has (exact for small whole numbers), so percentiles are as exact as those bounds.
- Counts are those of all workers together. Datagrams hold as many lines as fit into 1432 bytes. The host is looked up for each interval; while it is not found, what counters count is
  kept for the next one. A datagram that got lost is lost. Nothing waits for StatsD, and requests never notice it.
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
  return new Map([["docs/metrics.md", `${INTRODUCTION}\n${parts.join("\n")}\n${OTHERS}\n${ABSENT}`]]);
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
