// h2spec before fairlead's h2 router, and h2specd, a server that breaks the rules, behind it. Both are built from peers/grpc/go.
import { equal } from "node:assert/strict";
import { startH2, stopH2 } from "../h2.ts";
import { buildGo, GO } from "./grpc.ts";
import { freePort } from "../processes.ts";
import { type Peer, program } from "../stage.ts";

/** How often the strict cases run; a timing fault may show only once in many runs. */
const TIMES = Number(process.env["H2SPEC_TIMES"] ?? 1);
/** There are more of them in newer versions. */
const SERVER_CASES = 146;
const CLIENT_CASES = 57;
/** Each case may wait for 2 s, and hardly one does. */
const TIMEOUT_MS = 330_000;

export const h2spec: Peer = {
  name: "h2spec",
  named: true,
  needs: [GO],
  async run(stage, go = "") {
    const command = await buildGo(stage, go, "github.com/summerwind/h2spec/cmd/h2spec");
    const service = await stage.serve("h2spec", (port) => node("h2/service.mjs", port), false);
    const proxy = await startH2(stage, "h2spec-proxy", { h2spec: service.port });
    const port = proxy.of("h2spec").split(":")[1] ?? "";
    for (let time = 1; time <= TIMES; time++) {
      await stage.report.case(`finds nothing in its strict cases, time ${time} of ${TIMES}`, async () => {
        const args = ["--strict", "--host", "127.0.0.1", "--port", port, "--path", "/h2spec/"];
        const { stderr, stdout } = await stage.processes.run(command, args, { timeoutMs: TIMEOUT_MS });
        judge(stdout + stderr, SERVER_CASES);
      });
    }
    await stopH2(stage, proxy);
  },
};

export const h2specd: Peer = {
  name: "h2specd",
  named: true,
  needs: [GO],
  async run(stage, go = "") {
    const command = await buildGo(stage, go, "github.com/summerwind/h2spec/cmd/h2specd");
    // Each case has a port of its own, from this one on.
    const first = await freePorts(CLIENT_CASES);
    const ports = Array.from({ length: CLIENT_CASES }, (_, i) => first + i);
    const proxy = await startH2(
      stage,
      "h2specd-proxy",
      Object.fromEntries(ports.map((port) => [`case-${port}`, port])),
    );
    await stage.report.case(
      "breaks the rules as a server, and fairlead answers each of its cases as it must",
      async () => {
        // It waits for 1 s instead of 2 s, as it gives everything up when a case takes 3 s.
        const ask = `${process.execPath} ${program("h2/ask.mjs")}`;
        const args = ["--host", "127.0.0.1", "--from-port", String(first), "--timeout", "1", "--exec", ask];
        const options = { env: { PROXY: proxy.byPath }, timeoutMs: TIMEOUT_MS };
        const { stderr, stdout } = await stage.processes.run(command, args, options);
        judge(stdout + stderr, CLIENT_CASES);
      },
    );
    await stopH2(stage, proxy);
  },
};

function node(path: string, port: number): { command: string; args: readonly string[] } {
  return { command: process.execPath, args: [program(path), `127.0.0.1:${port}`] };
}

/** The first of so many free ports in a row. */
async function freePorts(count: number): Promise<number> {
  let first = await freePort();
  for (let last = first; last - first < count - 1;) {
    const next = await freePort();
    if (next !== last + 1) first = next;
    last = next;
  }
  return first;
}

/** Reads the summary of either program: `146 tests, 146 passed, 0 skipped, 0 failed`. */
function judge(said: string, atLeast: number): void {
  const [summary, total, passed] = /(\d+) tests, (\d+) passed, \d+ skipped, \d+ failed/.exec(said) ?? [];
  // Of what it says once it no longer listens there are thousands of lines.
  const text = said.replaceAll(/^.*use of closed network connection\n/gm, "");
  if (summary === undefined) throw new Error(`it did not come to its end: ${text.slice(-2000)}`);
  if (passed !== total)
    throw new Error(`${summary}\n${text.slice(Math.max(0, text.indexOf("Failures:"))).slice(0, 20_000)}`);
  equal(Number(total) >= atLeast, true, `only ${summary}`);
}
