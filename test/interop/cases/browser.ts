// A browser: a page with parts of every sort, loaded by name and through fairlead as its proxy.
import { equal } from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { type Peer, program, type Stage } from "../stage.ts";

const NAMES = ["chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--timeout=20000",
  "--virtual-time-budget=15000",
  "--enable-logging=stderr",
  "--dump-dom",
];
/** What the page says when all went well. */
const CAME = "style, script, image, json, upload, chunks, unchanged, many, override";

export const browser: Peer = {
  name: "browser",
  named: true,
  needs: [{ probes: NAMES.map((name) => [name, "--version"] as const), packages: ["chromium"] }],
  async run(stage, command) {
    await stage.serve("site.test", () => ({ command: process.execPath, args: [program("site/service.mjs")] }));
    const { byHost } = stage.fairlead;
    const resolve = `MAP site.test ${byHost}, MAP users ${byHost}, MAP * ~NOTFOUND`;
    await load(stage, command, "loads a page with all its parts by name", [`--host-resolver-rules=${resolve}`]);
    await load(stage, command, "loads it through fairlead as its proxy", [`--proxy-server=http://${byHost}`]);
    await stage.report.case("has asked for every part of it, and for one whether it has changed", async () => {
      equal((await ask(byHost, "site.test", "/missing")).text, "");
    });
  },
};

async function load(stage: Stage, command: string, name: string, flags: readonly string[]): Promise<void> {
  await stage.report.case(name, async () => {
    const profile = mkdtempSync(join(stage.directory("browser"), "profile-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, ...flags, "http://site.test/"];
    const { stderr, stdout } = await stage.processes.run(command, args, { timeoutMs: 60_000 });
    const result = /<p id="result">([^<]*)<\/p>/.exec(stdout)?.[1];
    if (result !== CAME) throw new Error(`${result ?? "no page"}\n${stdout}\n${consoleOf(stderr)}`);
  });
}

/** Of what a browser without a desktop complains about, what the page itself said. */
function consoleOf(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => line.includes("CONSOLE"))
    .join("\n");
}
