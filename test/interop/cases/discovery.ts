// Services move, stop and refuse under the load of wrk, and nobody notices.
import { deepEqual, equal, match } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { freePort } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";
import { wrkLoad, wrk } from "./wrk.ts";

export const discovery: Peer = {
  name: "discovery",
  named: true,
  needs: wrk.needs,
  async run(stage) {
    await moving(stage);
    await stopping(stage);
    await refusing(stage);
  },
};

async function requestsTo(...ports: number[]): Promise<number[]> {
  const counts = ports.map(async (port) => {
    const { text } = await ask(`127.0.0.1:${port}`, "direct", "/counts");
    return (JSON.parse(text) as { requests: number }).requests; // what services/node.mjs answers
  });
  return Promise.all(counts);
}

/** Discovery: a file changes under load. */
async function moving(stage: Stage): Promise<void> {
  const { disco } = stage.fairlead;
  const blue = await stage.serveNode("blue", false);
  const green = await stage.serveNode("green", false);
  disco.put("mover", [blue.port]);

  await stage.report.case("a file under disco/ changes ten times under load, without an error", async () => {
    const running = wrkLoad(stage, "mover", 4);
    for (let i = 0; i < 10; i++) {
      await sleep(300);
      const [write, to] = [i % 3 === 0 ? disco.overwrite : disco.put, i % 2 === 0 ? green : blue];
      write.call(disco, "mover", [to.port]);
    }
    deepEqual((await running).errors, []);
    const [toBlue = 0, toGreen = 0] = await requestsTo(blue.port, green.port);
    equal(toBlue > 100 && toGreen > 100, true, `${toBlue} requests to one service, ${toGreen} to the other`);
  });

  await stage.report.case("after a change, only the service that the file names is asked", async () => {
    disco.put("mover", [green.port]);
    await until(async () => (await ask(stage.fairlead.byHost, "mover", "/hello")).text === "green hello\n");
    const [before = 0] = await requestsTo(blue.port);
    deepEqual((await wrkLoad(stage, "mover", 1)).errors, []);
    const [after = 0] = await requestsTo(blue.port);
    equal(after - before, 1); // the count itself
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 100) throw new Error("waited 5 s in vain");
    await sleep(50);
  }
}

/** How a connection ends that was new, and that the service had not read from when it stopped. */
const NEVER_READ: readonly string[] = ["upstream.connection.reset", "upstream.connection.closed"];

/**
 * One of three services stops under load, in an orderly way; discovery does not know. When it stops listening, its kernel resets the connections
 * that the service had not taken yet, and Node closes those on which no request has come yet. A request that was on its way on such a connection
 * has not reached the service, but cannot be told from one that a crash has lost, so that it is not sent again (on a kept connection it is): in one
 * run of some thirty there are a few. Any other loss is a failure.
 */
async function stopping(stage: Stage): Promise<void> {
  await stage.report.case(
    "one of three services stops under load, without an error but on connections it never read",
    async () => {
      const errors = await stopOneOf(stage, "trio");
      if (errors.length === 0) return;
      const failures = await failuresOf(stage, "trio");
      console.log(`            ${errors.join()}\n            ${failures.join("\n            ")}`);
      match(errors.join(), /^Non-2xx or 3xx responses: \d+$/);
      const causes = failures.map((line) => /\/service\/svc\/trio\/failures\/(\S+)/.exec(line)?.[1] ?? "");
      const lost = causes.filter((cause) => cause !== "" && cause !== "downstream.connection.gone"); // which is the end of the load
      equal(lost.length > 0 && lost.every((cause) => NEVER_READ.includes(cause)), true, lost.join());
    },
  );
}

async function stopOneOf(stage: Stage, name: string): Promise<readonly string[]> {
  const services = await Promise.all([1, 2, 3].map((n) => stage.serveNode(`${name}-${n}`, false)));
  stage.fairlead.disco.put(
    name,
    services.map(({ port }) => port),
  );
  const running = wrkLoad(stage, name, 3);
  await sleep(1000);
  services[0]?.process.signal("SIGTERM");
  equal(await services[0]?.process.ended, 0);
  return (await running).errors;
}

/** What fairlead says of failed requests to a service, by cause. */
async function failuresOf(stage: Stage, service: string): Promise<readonly string[]> {
  const { text } = await ask(stage.fairlead.admin, "localhost", "/admin/metrics.json");
  const metrics = Object.entries(JSON.parse(text) as Record<string, number>); // a flat object of numbers
  return metrics
    .filter(([name, value]) => value > 0 && name.includes(`/${service}/failures/`))
    .map(([name, value]) => `${name} ${value}`);
}

/** Of two endpoints one refuses connections: requests are sent again, to the other. */
async function refusing(stage: Stage): Promise<void> {
  const alive = await stage.serveNode("alive", false);
  stage.fairlead.disco.put("half", [alive.port, await freePort()]);

  await stage.report.case(
    "an endpoint that refuses connections is not noticed: its requests go to the other",
    async () => {
      for (let i = 0; i < 100; i++) equal((await ask(stage.fairlead.byHost, "half", "/hello")).text, "alive hello\n");
    },
  );
}
