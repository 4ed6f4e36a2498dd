// systemd reads the units of examples/systemd, and judges what the service may do.
import { equal, match } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BIN } from "../fairlead.ts";
import type { Peer } from "../stage.ts";

const UNITS = resolve(import.meta.dirname, "../../../examples/systemd");
const NAMES = ["fairlead.service", "fairlead.socket"] as const;
/** In tenths, of 100: what remains is the network, unix sockets, netlink, who may notify, V8's code, and the system's files, read only. */
const EXPOSURE = 13;

export const systemd: Peer = {
  name: "systemd",
  named: true,
  needs: [{ probes: [["systemd-analyze", "--version"]], packages: ["systemd"] }],
  async run(stage, command) {
    const { processes, report } = stage;
    const folder = stage.directory("systemd");
    // It looks whether the command is there.
    for (const name of NAMES) {
      const text = readFileSync(join(UNITS, name), "utf8");
      writeFileSync(join(folder, name), text.replaceAll("/usr/local/bin/fairlead", BIN));
    }
    const analyze = (...args: string[]) => processes.run(command, args, { cwd: folder });

    await report.case("finds nothing wrong with the units", async () => {
      const { code, stderr, stdout } = await analyze("verify", ...NAMES.map((name) => join(folder, name)));
      equal(`${code} ${stdout}${stderr}`, "0 ");
    });
    await report.case(`puts the exposure of the service at ${EXPOSURE / 10} of 10 or less`, async () => {
      const { code, stdout } = await analyze("security", "--offline=yes", `--threshold=${EXPOSURE}`, NAMES[0]);
      match(stdout, /Overall exposure level for fairlead\.service: \d\.\d OK/);
      equal(code, 0, stdout.slice(-200));
    });
  },
};
