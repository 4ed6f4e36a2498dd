// What monitoring says of /metrics: promtool of its names and its text, the Python client's parser, the strictest there is, of OpenMetrics.
import { deepEqual, equal } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../ask.ts";
import type { Peer, Stage } from "../stage.ts";

const PARSER = "prometheus_client.openmetrics.parser";
const PARSE = `
import sys
from ${PARSER} import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1], encoding="utf-8").read()))
print(len(families), "families,", sum(len(family.samples) for family in families), "samples")
`;

export const promtool: Peer = {
  name: "promtool",
  named: false,
  needs: [{ probes: [["promtool", "--version"]], packages: ["prometheus"] }],
  run: (stage, command = "") =>
    stage.report.case("finds nothing to say of the text format", async () => {
      const file = await scraped(stage, "*/*", "text/plain; version=0.0.4; charset=utf-8");
      const said = await stage.processes.run("sh", ["-c", `"${command}" check metrics < "${file}" 2>&1`]);
      deepEqual([said.code, said.stdout], [0, ""]);
    }),
};

export const openMetrics: Peer = {
  name: "OpenMetrics",
  named: false,
  needs: [{ probes: [["python3", "-c", `import ${PARSER}`]], packages: ["python3-prometheus-client"] }],
  run: (stage, command = "") =>
    stage.report.case("is what the Python client can parse", async () => {
      const wanted = "application/openmetrics-text; version=1.0.0";
      const file = await scraped(stage, `${wanted}, */*;q=0.1`, `${wanted}; charset=utf-8`);
      const { code, stderr, stdout } = await stage.processes.run(command, ["-c", PARSE, file]);
      deepEqual([code, stderr], [0, ""]);
      console.log(`            ${stdout.trim()}`);
    }),
};

/** After some requests, one without a service among them: a file with what a scraper gets. */
async function scraped(stage: Stage, accept: string, type: string): Promise<string> {
  const { admin, byHost } = stage.fairlead;
  for (const name of ["users", "users", "nobody"]) await ask(byHost, name, "/hello");
  const answer = await ask(admin, "localhost", "/metrics", { headers: { accept } });
  equal(answer.headers["content-type"], type);
  const file = join(stage.directory("promtool"), "metrics.txt");
  writeFileSync(file, answer.body);
  return file;
}
