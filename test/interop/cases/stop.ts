// fairlead is told to stop while requests are in flight.
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { startFairlead } from "../fairlead.ts";
import type { Peer, Stage } from "../stage.ts";

const IN_FLIGHT = 100;
/** Well below the grace time: when everything is answered there is nothing to wait for. */
const SOON_MS = 3000;

export const stop: Peer = {
  name: "SIGTERM",
  named: true,
  needs: [],
  run: (stage) =>
    stage.report.case(`${IN_FLIGHT} requests and a long answer in flight: all complete, exit code 0`, () =>
      stopInFlight(stage),
    ),
};

async function stopInFlight(stage: Stage): Promise<void> {
  const directory = join(stage.directory("stop"), "fairlead");
  const { byHost, process } = await startFairlead(stage.processes, directory, stage.fairlead.disco);
  const agent = new Agent({ keepAlive: true });
  const waiting = Array.from({ length: IN_FLIGHT }, () => ask(byHost, "users", "/wait?ms=2000", { agent }));
  const held = ask(byHost, "users-v2", "/hold", { agent });
  while ((await waitingAt(stage, "users")) < IN_FLIGHT || (await waitingAt(stage, "users-v2")) < 1);

  process.signal("SIGTERM");
  const answers = await Promise.all(waiting);
  deepEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(["200 users waited\n"]));
  await rejects(ask(byHost, "users", "/hello"), "a connection was still accepted");
  await ask(stage.fairlead.byHost, "users-v2", "/release");
  equal((await held).text, "first\nlast\n");
  equal(await Promise.race([process.ended, sleep(SOON_MS, "still there", { ref: false })]), 0);
}

async function waitingAt({ fairlead }: Stage, name: string): Promise<number> {
  const { text } = await ask(fairlead.byHost, name, "/counts");
  return (JSON.parse(text) as { waiting: number }).waiting; // what services/node.mjs answers
}
