// fairlead is told to stop while requests are in flight.
import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Agent } from "node:http";
import { ask } from "../ask.ts";
import { startFairlead } from "../fairlead.ts";
import { type Peer, type Stage } from "../stage.ts";

const IN_FLIGHT = 100;

export const stop: Peer = {
  name: "SIGTERM",
  named: true,
  needs: [],
  async run(stage) {
    await whileInFlight(stage);
  },
};

async function whileInFlight(stage: Stage): Promise<void> {
  await stage.report.case(`with ${IN_FLIGHT} requests and a long answer in flight: all complete, exit code 0`, async () => {
    const other = await startFairlead(stage.processes, join(stage.directory("stop"), "fairlead"), stage.fairlead.disco);
    const agent = new Agent({ keepAlive: true });
    const waiting = Array.from({ length: IN_FLIGHT }, () => ask(other.byHost, "users", "/wait?ms=2000", { agent }));
    const held = ask(other.byHost, "users-v2", "/hold", { agent });
    while ((await waitingAt(stage, "users")) < IN_FLIGHT || (await waitingAt(stage, "users-v2")) < 1);
    other.process.signal("SIGTERM");
    const answers = await Promise.all(waiting);
    deepEqual(new Set(answers.map(({ status, text }) => `${status} ${text}`)), new Set(["200 users waited\n"]));
    await rejects(ask(other.byHost, "users", "/hello"), "a connection was still accepted");
    await ask(stage.fairlead.byHost, "users-v2", "/release");
    equal((await held).text, "first\nlast\n");
    equal(await other.process.ended, 0);
  });
}

async function waitingAt({ fairlead }: Stage, name: string): Promise<number> {
  const { text } = await ask(fairlead.byHost, name, "/counts");
  return (JSON.parse(text) as { waiting: number }).waiting; // what services/node.mjs answers
}
