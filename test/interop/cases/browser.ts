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
  "--dump-dom",
];

export const browser: Peer = {
  name: "browser",
  named: true,
  needs: [{ probes: NAMES.map((name) => [name, "--version"] as const), packages: ["chromium"] }],
  async run(stage, command) {
    await stage.serve("site.test", () => ({ command: process.execPath, args: [program("services/site.mjs")] }));
    const { byHost } = stage.fairlead;
    await load(stage, command, "loads a page with all its parts by name", [`--host-resolver-rules=MAP * ${byHost}`]);
    await load(stage, command, "loads it through fairlead as its proxy", [`--proxy-server=http://${byHost}`]);
  },
};

async function load(stage: Stage, command: string, name: string, flags: readonly string[]): Promise<void> {
  await stage.report.case(name, async () => {
    const profile = mkdtempSync(join(stage.directory("browser"), "profile-"));
    const args = [...FLAGS, `--user-data-dir=${profile}`, ...flags, "http://site.test/"];
    const { stderr, stdout } = await stage.processes.run(command, args, { timeoutMs: 60_000 });
    const result = /<p id="result">([^<]*)<\/p>/.exec(stdout)?.[1];
    equal(result, "style, image, script, json, upload, chunks, unchanged, many, override", `${stdout}\n${stderr}`);
    const { text } = await ask(stage.fairlead.byHost, "site.test", "/missing-parts");
    equal(text, "");
  });
}
