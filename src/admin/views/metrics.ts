// Metrics for programs. Values are read while they are written, a few in each turn of the event loop.
import { influxdbText } from "../../exporters/influxdb/exposition.ts";
import { exposition } from "../../exporters/openmetrics/exposition.ts";
import { formatFor } from "../../exporters/openmetrics/format.ts";
import { CONTENT_TYPE, prometheusText } from "../../exporters/prometheus/exposition.ts";
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import { metricsJson } from "../../telemetry/export-json.ts";
import type { MetricsTree } from "../../telemetry/tree.ts";
import { answer, JSON_TYPE, text } from "../answers.ts";
import type { Parameters } from "../parameters.ts";
import type { Asked } from "../routes.ts";
import type { PrometheusSettings, Subject } from "../subject.ts";

export async function metrics(subject: Subject, asked: Parameters): Promise<LocalAnswer> {
  const options = { prefix: asked.get("q") ?? "", tree: asked.flag("tree"), pretty: asked.flag("pretty") };
  return answer(200, JSON_TYPE, metricsJson(await treeOf(subject, asked), options));
}

export async function prometheus(
  subject: Subject,
  { prefix }: PrometheusSettings,
  asked: Parameters,
): Promise<LocalAnswer> {
  return answer(200, CONTENT_TYPE, prometheusText(await treeOf(subject, asked), prefix));
}

/** With the Host asked for on every line, as the original has it. */
export async function influxdb(subject: Subject, { host, parameters }: Asked): Promise<LocalAnswer> {
  if (!subject.telemeters.influxdb)
    throw new LocalProblem(
      404,
      "metrics for InfluxDB are not configured; add to the configuration:\n\ntelemetry:\n- kind: io.l5d.influxdb",
    );
  return text(200, influxdbText(await treeOf(subject, parameters), host ?? "none"));
}

/** @param accept the header of the request. */
export async function fairleadMetrics(
  subject: Subject,
  accept: string | undefined,
  asked: Parameters,
): Promise<LocalAnswer> {
  const format = formatFor(accept);
  const written = exposition(await treeOf(subject, asked), format, subject.declared);
  return answer(200, format.contentType, written, { Vary: "Accept" });
}

/** Of all event loops together, or of the one that is asked for. */
async function treeOf(subject: Subject, asked: Parameters): Promise<MetricsTree> {
  const written = asked.get("worker");
  if (written === undefined) return subject.metrics();
  const workers = subject.workers();
  const worker = workers.find(({ index }) => String(index) === written);
  if (worker !== undefined) return subject.metrics(worker.index);
  const known =
    workers.length === 0 ? "there is only one event loop" : `there are ${workers.map((w) => w.index).join(", ")}`;
  throw new LocalProblem(404, `there is no worker ${written.slice(0, 20)}; ${known}`);
}

/** A scraper that finds nothing should learn from the answer what to configure. */
export function noPrometheus(subject: Subject): never {
  const [elsewhere] = subject.prometheus;
  if (elsewhere !== undefined)
    throw new LocalProblem(404, `the metrics are at ${elsewhere.path}, as the configuration says`);
  throw new LocalProblem(
    404,
    "metrics for Prometheus are not configured; add to the configuration:\n\ntelemetry:\n- kind: io.l5d.prometheus\n\nor fairlead: 1, which has it by default",
  );
}
