// wrk in front of fairlead: load in which nothing may go wrong, while services move, stop and refuse.
import { deepEqual, equal } from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { freePort } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

interface Load {
  readonly requests: number;
  /** Answers other than 2xx and 3xx, and errors of sockets. */
  readonly errors: string[];
}

type Wrk = (host: string, seconds: number, ...more: string[]) => Promise<Load>;

export const wrk: Peer = {
  name: "wrk",
  named: true,
  // It has no --version: without arguments it says how it is used and fails.
  needs: [{ probes: [["wrk", "-v"], ["sh", "-c", "command -v wrk"]], packages: ["wrk"] }],
  async run(stage) {
    const { byHost } = stage.fairlead;
    const load: Wrk = async (host, seconds, ...more) => {
      const options = ["-t2", "-c16", `-d${seconds}s`, "--timeout", "5s", "-H", `Host: ${host}`, ...more];
      return read((await stage.processes.run("wrk", [...options, `http://${byHost}/hello`])).stdout);
    };
    await plainLoad(stage, load);
    await moving(stage, load);
    await stopping(stage, load);
    await refusing(stage);
  },
};

function read(said: string): Load {
  const errors = said.match(/Socket errors: .*|Non-2xx .*/g) ?? [];
  return { requests: Number(/(\d+) requests in/.exec(said)?.[1] ?? 0), errors };
}

async function plainLoad({ report }: Stage, load: Wrk): Promise<void> {
  for (const [how, ...more] of [["over kept connections"], ["with a connection per request", "-H", "Connection: close"]] as const) {
    await report.case(`asks for 2 s ${how} without an error`, async () => {
      const { errors, requests } = await load("users", 2, ...more);
      deepEqual(errors, []);
      console.log(`            ${requests} requests`);
      equal(requests > 200, true, `only ${requests} requests`);
    });
  }
}

async function requestsTo(stage: Stage, ...ports: number[]): Promise<number[]> {
  const counts = ports.map(async (port) => {
    const { text } = await ask(`127.0.0.1:${port}`, "direct", "/counts");
    return (JSON.parse(text) as { requests: number }).requests; // what services/node.mjs answers
  });
  return Promise.all(counts);
}

/** Discovery: a file changes under load. */
async function moving(stage: Stage, load: Wrk): Promise<void> {
  const { disco } = stage.fairlead;
  const blue = await stage.serveNode("blue", false);
  const green = await stage.serveNode("green", false);
  disco.put("mover", [blue.port]);

  await stage.report.case("does not notice that a file under disco/ changes ten times", async () => {
    const running = load("mover", 4);
    for (let i = 0; i < 10; i++) {
      await sleep(300);
      const [write, to] = [i % 3 === 0 ? disco.overwrite : disco.put, i % 2 === 0 ? green : blue];
      write.call(disco, "mover", [to.port]);
    }
    deepEqual((await running).errors, []);
    const [toBlue = 0, toGreen = 0] = await requestsTo(stage, blue.port, green.port);
    equal(toBlue > 100 && toGreen > 100, true, `${toBlue} requests to one service, ${toGreen} to the other`);
  });

  await stage.report.case("asks only the service that the file names now", async () => {
    disco.put("mover", [green.port]);
    await until(async () => (await ask(stage.fairlead.byHost, "mover", "/hello")).text === "green hello\n");
    const [before = 0] = await requestsTo(stage, blue.port);
    deepEqual((await load("mover", 1)).errors, []);
    const [after = 0] = await requestsTo(stage, blue.port);
    equal(after - before, 1); // the count itself
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 100) throw new Error("waited 5 s in vain");
    await sleep(50);
  }
}

/** One of three services stops under load, in an orderly way; discovery does not know. */
async function stopping(stage: Stage, load: Wrk): Promise<void> {
  const services = await Promise.all(["one", "two", "three"].map((name) => stage.serveNode(name, false)));
  stage.fairlead.disco.put("trio", services.map(({ port }) => port));

  await stage.report.case("does not notice that one of three services stops", async () => {
    const running = load("trio", 3);
    await sleep(1000);
    services[0]?.process.signal("SIGTERM");
    equal(await services[0]?.process.ended, 0);
    deepEqual((await running).errors, []);
  });
}

/** Of two endpoints one refuses connections: requests are sent again, to the other. */
async function refusing(stage: Stage): Promise<void> {
  const alive = await stage.serveNode("alive", false);
  stage.fairlead.disco.put("half", [alive.port, await freePort()]);

  await stage.report.case("and nobody else notices an endpoint that refuses connections", async () => {
    for (let i = 0; i < 100; i++) equal((await ask(stage.fairlead.byHost, "half", "/hello")).text, "alive hello\n");
  });
}
