// The last requests of a sample (linkerd1 §7.5), as a page and as JSON.
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import { ChunkedText } from "../../telemetry/chunked-text.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";
import { answer, escaped, JSON_TYPE, page } from "../answers.ts";
import { Items, jsonPieces } from "../json-pieces.ts";
import type { Asked } from "../routes.ts";
import type { Subject } from "../subject.ts";

const VARY = { Vary: "Accept" };

/** The page; JSON for those who `Accept` that. */
export function requestsPage(subject: Subject, { accept }: Asked): LocalAnswer {
  const recent = recentOf(subject);
  if (wantsJson(accept)) return asJson(recent);
  const html = page(rows(recent), "style-src 'unsafe-inline'");
  return { ...html, headers: { ...html.headers, ...VARY } };
}

export function requestsJson(subject: Subject): LocalAnswer {
  return asJson(recentOf(subject));
}

function asJson(recent: readonly TracedRequest[]): LocalAnswer {
  return answer(200, JSON_TYPE, jsonPieces(new Items(recent.map(inJson))), VARY);
}

/** What sampling looked at means nothing to people. */
function inJson({ draw: _draw, flags: _flags, startMs, ...rest }: TracedRequest) {
  return { time: timeOf(startMs), ...rest };
}

/** @throws LocalProblem 404 */
function recentOf({ telemeters }: Subject): readonly TracedRequest[] {
  const { recent } = telemeters;
  if (recent !== null) return recent();
  throw new LocalProblem(
    404,
    "recent requests are not kept; add to the configuration:\n\ntelemetry:\n- kind: io.l5d.recentRequests\n  sampleRate: 0.02",
  );
}

function wantsJson(accept = ""): boolean {
  const types = accept.split(",").map((each) => each.split(";", 1)[0]?.trim().toLowerCase());
  return types.includes("application/json") && !types.includes("text/html");
}

const STYLE = `:root { color-scheme: light dark; font: 14px/1.4 system-ui, sans-serif; }
body { margin: 1.5em; }
table { border-collapse: collapse; }
th, td { padding: 2px 10px; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.decisions { font-size: 85%; }`;

type Cell = readonly [title: string, text: (request: TracedRequest) => string, kind?: "number" | "decisions"];

/** Linkerd's columns first. */
const CELLS: readonly Cell[] = [
  ["time", ({ startMs }) => timeOf(startMs)],
  ["source", ({ remote }) => remote],
  ["server", ({ server }) => server],
  ["router", ({ router }) => router],
  ["logical name", ({ service }) => service],
  ["concrete name", ({ client }) => client],
  ["destination", ({ endpoint }) => endpoint],
  ["request", ({ host, method, uri }) => [method, host, uri].filter((part) => part !== "").join(" ")],
  ["status", ({ status }) => (status === 0 ? "" : String(status)), "number"],
  ["ms", ({ durationMs }) => durationMs.toFixed(1), "number"],
  ["cause", ({ cause }) => cause],
  ["decisions", ({ decisions }) => decisions.join("; "), "decisions"],
  ["trace", ({ traceId }) => traceId],
];

function* rows(recent: readonly TracedRequest[]): Generator<string, void, undefined> {
  const text = new ChunkedText();
  text.add(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>fairlead: recent requests</title><link rel="icon" href="data:,">
<style>${STYLE}</style></head>
<body>
<h1>Recent requests</h1>
<p><a href="/">overview</a> · ${recent.length === 0 ? "None has been sampled yet." : "A sample, the latest first."} · <a href="/requests.json">JSON</a></p>
<table>
<thead><tr>${CELLS.map(([title]) => `<th>${title}`).join("")}</tr></thead>
<tbody>
`);
  for (const request of recent) {
    text.add(`<tr>${CELLS.map((cell) => cellOf(cell, request)).join("")}</tr>\n`);
    if (text.full) yield text.take();
  }
  text.add("</tbody>\n</table>\n</body></html>\n");
  yield text.take();
}

function cellOf([, text, kind]: Cell, request: TracedRequest): string {
  return `<td${kind === undefined ? "" : ` class="${kind}"`}>${escaped(text(request))}`;
}

function timeOf(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
