// docs/resilience: the tables and pictures of the scenarios that were kept.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../load/fairlead.ts";
import { chartOf } from "./chart.ts";
import { BACKENDS, type Protocol, PROTOCOLS, SCENARIOS } from "./plan.ts";
import { KINDS } from "./proxies/kinds.ts";
import type { Report } from "./result.ts";
import { lossesOf, tableOf } from "./table.ts";

const FOLDER = "docs/resilience";
const TITLES: Readonly<Record<Protocol, string>> = { http: "HTTP/1.1", grpc: "gRPC" };

/** Texts by path, relative to the repository. */
export function documentsOf(report: Report): ReadonlyMap<string, string> {
  const measured = PROTOCOLS.filter((protocol) => report.results.some((one) => one.protocol === protocol));
  return new Map([
    [`${FOLDER}/scenarios.md`, markdownOf(report, measured)],
    ...measured.map((protocol) => [`${FOLDER}/${protocol}.svg`, chartOf(report, protocol)] as const),
  ]);
}

export function writeDocuments(report: Report): void {
  for (const [path, text] of documentsOf(report)) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), text);
  }
}

function markdownOf(report: Report, protocols: readonly Protocol[]): string {
  return [
    "<!-- Generated from bench/results/scenarios.json by `npm run docs`. Do not edit. -->",
    "",
    "# Faults in a chain of three hops",
    "",
    introduction(report),
    "",
    ...protocols.flatMap((protocol) => section(report, protocol)),
    ...crossings(report),
    ...warningsOf(report),
    "## What the figures mean",
    "",
    LEGEND,
    "",
  ].join("\n");
}

function introduction(report: Report): string {
  const { commit, machine, rate, results, seed, startedAt, timeline, versions } = report;
  const faults = SCENARIOS.map(({ name, says }) => `- **${name}**: ${says}`);
  const offered = results.find(({ figures }) => figures !== null)?.figures?.offered ?? 0;
  return `Real processes: a caller, a proxy, service A, a proxy, service B, a proxy, ${BACKENDS} backends. The three proxies are fairlead, HAProxy or
nginx, each in the configuration its operator would write for resilience ([bench/scenarios/proxies](../../bench/scenarios/proxies)).
The caller offers ${rate} requests per second whatever becomes of them, ${offered} in a run. From second ${timeline.faultMs / 1000} to second ${timeline.mendedMs / 1000} some backends fail:

${faults.join("\n")}

${startedAt.slice(0, 10)}, commit ${commit}, ${machine.cores} × ${machine.cpu}, ${machine.kernel}, seed ${seed}. Other programs used ${foreignOf(report)} of a core meanwhile.
Versions: ${Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join("; ")}. Run it yourself: \`npm run scenarios\` (see [bench/README.md](../../bench/README.md)).`;
}

/** How busy others kept the box, from the calmest run to the busiest. */
function foreignOf({ machine, results }: Report): string {
  const shares = results.flatMap(({ foreignShare }) => foreignShare ?? []).toSorted((a, b) => a - b);
  // What ended processes had used before is counted with whoever inherits them, now and then: more than there is, is not meant.
  while ((shares.at(-1) ?? 0) > machine.cores) shares.pop();
  const text = (share: number | undefined): string => `${Math.round((share ?? 0) * 100)} %`;
  return `${text(shares[0])} to ${text(shares.at(-1))} (median ${text(shares[shares.length >> 1])})`;
}

function section(report: Report, protocol: Protocol): string[] {
  const { all, lost } = lossesOf(report, protocol);
  return [
    `## ${TITLES[protocol]}`,
    "",
    `In ${lost} of ${all} figures a peer does better than fairlead (✗); they come first.`,
    "",
    tableOf(report, protocol),
    "",
    `![Success over time, ${TITLES[protocol]}](${protocol}.svg)`,
    "",
  ];
}

/** An answer that reaches another caller is worse than any failure, so it is said even when there was none. */
function crossings({ results }: Report): string[] {
  const crossed = results.filter(({ figures }) => (figures?.crossed ?? 0) > 0);
  const text = crossed.map(
    ({ figures, protocol, proxy, scenario }) => `${figures?.crossed} through ${proxy} in ${protocol}-${scenario}`,
  );
  return [`Answers that carried the id of another request: ${text.length > 0 ? text.join(", ") : "none"}.`, ""];
}

/** What the configuration asks for and this commit does not do. */
function warningsOf({ warnings }: Report): string[] {
  if (warnings.length === 0) return [];
  return ["At this commit fairlead says of its own configuration:", "", ...warnings.map((text) => `- ${text}`), ""];
}

const PEERS = KINDS.slice(1)
  .map(({ title }) => title)
  .join(" and ");

const LEGEND = `- A latency counts from the moment the request was due, and a failure's time counts like an answer's.
- **Backends' requests per request** counts what the ten saw of requests due during the fault: 1 is one each, less where some never got
  there (whoever has taken all ten out asks none; fairlead goes on trying), more where proxies sent again.
- Every fifth request is a **write** (POST, or the method \`Write\`): it may be sent again only when no backend has seen it. A backend that
  answers 503 at once has seen it.
- **99 % again**: how long after the fault's begin 99 % succeeded for a second, while it still lasted. **All well again**: how long after its
  end 99 % succeeded for a second with a p99 of at most one and a half times that before the fault.
- All proxies have the same time-outs: 200 ms for a connection, 300 ms for an attempt at the last hop, 1 and 1.2 s at those before; the
  caller waits 2 s. ${PEERS} may try three times per hop; fairlead has budgets of a fifth of the requests, and 10 per second. Of its gRPC
  answers fairlead judges what its file says: without a gRPC classifier the HTTP status alone, which is 200 also for a failed call.
- Health checks of HAProxy meet the same fault as requests do. nginx and fairlead have no active checks: they learn from requests.
- With ✗ and ✓ differences count from 0.2 points of success, a quarter of a time (at least 10 ms of latency, half a second of the others),
  and 0.02 of amplification. One run each: on a box that others use at the same time, a p99 is a hint, not a measurement.`;
