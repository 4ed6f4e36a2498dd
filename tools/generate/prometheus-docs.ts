// docs/prometheus.md, for tools/generate-docs.ts to write or to compare.
import { FAMILIES, type Family, labelsOf, sampleName } from "../../src/exporters/openmetrics/families.ts";
import { OMISSIONS } from "../../src/exporters/openmetrics/omissions.ts";
import { COUNTS, TIMES } from "../../src/telemetry/bounds.ts";

const INTRODUCTION = `<!-- Generated from src/telemetry/names.ts and src/exporters/openmetrics/ by \`npm run docs\`. Do not edit. -->

# Prometheus and OpenMetrics

\`/metrics\` on the [admin port](admin.md) has all metrics as \`fairlead_*\`, without any configuration:

\`\`\`yaml
scrape_configs:
  - job_name: fairlead
    static_configs:
      - targets: ["127.0.0.1:9990"]
\`\`\`

- Whoever sends \`Accept: application/openmetrics-text\`, as Prometheus does, gets OpenMetrics 1.0; anybody else the text format 0.0.4. Names and labels of series are the same in both.
- Times are in seconds, sizes in bytes; counters end in \`_total\` and start again at 0 when the service or client was closed for idleness in between.
- Distributions are histograms since the start, with the same bounds in every process, so that \`histogram_quantile\` works over a whole fleet. Values are kept in
  finer buckets: one that exceeds a bound by less than 3.2 % may be counted as within it, and one within it always is. A distribution appears with its first value.
  - of times: ${TIMES.upTo.join(", ")} s and \`+Inf\`
  - of counts: ${COUNTS.upTo.join(", ")} and \`+Inf\`
- The metrics under the names of Linkerd 1.x remain at \`/admin/metrics/prometheus\` ([io.l5d.prometheus](metrics.md)). If that telemeter's \`path\` is \`/metrics\`, it is served there, and what is described here is not.
- \`router\`, \`server\`, \`service\` and \`client\` are called as in [metrics.md](metrics.md); \`cause\` is a [cause](causes.md).

\`\`\`promql
sum by (service) (rate(fairlead_service_failures_total[1m])) / sum by (service) (rate(fairlead_service_requests_total[1m]))
histogram_quantile(0.99, sum by (service, le) (rate(fairlead_service_request_latency_seconds_bucket[1m])))
\`\`\`
`;

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const groups = Map.groupBy(FAMILIES, (family) => family.entity);
  const parts = [...groups].map(([entity, families]) => {
    const rows = families.map((family) => row(family, entity)).join("");
    return `## \`${entity}\`\n\n| family | type | labels | from | meaning |\n|---|---|---|---|---|\n${rows}`;
  });
  return new Map([["docs/prometheus.md", [INTRODUCTION, ...parts, omissions()].join("\n")]]);
}

function row(family: Family, entity: string): string {
  const labels = labelsOf(family).map((label) => `\`${label}\``);
  const cells = [
    `\`${sampleName(family)}\``,
    family.type,
    labels.join(" "),
    `\`${family.pattern.slice(entity.length + 1)}\``,
    family.help.replaceAll("|", "\\|"),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

function omissions(): string {
  const lines = OMISSIONS.map(({ ending, only, reason }) => {
    const members = only === undefined ? "" : `, where it ends in \`${only.source.replaceAll("|", "\\|")}\``;
    return `- \`…${ending}\`${members}: ${reason}.\n`;
  });
  return `## What metrics.json has and this has not\n\n${lines.join("")}`;
}
