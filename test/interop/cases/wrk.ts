// wrk in front of fairlead: load in which nothing may go wrong.
import { deepEqual, equal } from "node:assert/strict";
import type { Peer, Stage } from "../stage.ts";

interface Load {
  readonly requests: number;
  /** Answers other than 2xx and 3xx, and errors of sockets. */
  readonly errors: readonly string[];
}

const WAYS = [
  { how: "over kept connections", more: [] },
  { how: "with a connection per request", more: ["-H", "Connection: close"] },
];

export const wrk: Peer = {
  name: "wrk",
  named: true,
  // It has no option that succeeds.
  needs: [{ probes: [["sh", "-c", "command -v wrk"]], packages: ["wrk"] }],
  async run(stage) {
    for (const { how, more } of WAYS) {
      await stage.report.case(`asks for 2 s ${how}, without an error`, async () => {
        const { errors, requests } = await wrkLoad(stage, "users", 2, ...more);
        console.log(`            ${requests} requests`);
        deepEqual(errors, []);
        equal(requests > 200, true, `only ${requests} requests`);
      });
    }
  },
};

/** Puts 16 connections of load on a name. */
export async function wrkLoad(
  { fairlead, processes }: Stage,
  host: string,
  seconds: number,
  ...more: string[]
): Promise<Load> {
  const options = ["-t2", "-c16", `-d${seconds}s`, "--timeout", "5s", "-H", `Host: ${host}`, ...more];
  const { stderr, stdout } = await processes.run("wrk", [...options, `http://${fairlead.byHost}/hello`]);
  const requests = /(\d+) requests in/.exec(stdout)?.[1];
  if (requests === undefined) throw new Error(`wrk did not run: ${stdout}${stderr}`);
  return { requests: Number(requests), errors: stdout.match(/Socket errors: .*|Non-2xx .*/g) ?? [] };
}
