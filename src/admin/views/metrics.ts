// Metrics for programs. Values are read while they are written, a few in each turn of the event loop.
import { exposition } from "../../exporters/openmetrics/exposition.ts";
import { formatFor } from "../../exporters/openmetrics/format.ts";
import { CONTENT_TYPE, prometheusText } from "../../exporters/prometheus/exposition.ts";
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import { metricsJson } from "../../telemetry/export-json.ts";
import { answer, JSON_TYPE } from "../answers.ts";
import type { Parameters } from "../parameters.ts";
import type { PrometheusSettings, Subject } from "../subject.ts";

export function metrics(subject: Subject, asked: Parameters): LocalAnswer {
  const options = { prefix: asked.get("q") ?? "", tree: asked.flag("tree"), pretty: asked.flag("pretty") };
  return answer(200, JSON_TYPE, metricsJson(subject.metrics.root, options));
}

export function prometheus(subject: Subject, { prefix }: PrometheusSettings): LocalAnswer {
  return answer(200, CONTENT_TYPE, prometheusText(subject.metrics.root, prefix));
}

/** @param accept the header of the request. */
export function fairleadMetrics(subject: Subject, accept: string | undefined): LocalAnswer {
  const format = formatFor(accept);
  return answer(200, format.contentType, exposition(subject.metrics.root, format), { Vary: "Accept" });
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
