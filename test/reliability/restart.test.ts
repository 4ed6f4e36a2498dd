// R3: the program is replaced by a new process under load, and no caller notices.
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { freePorts } from "../support/program.ts";
import { sized } from "../support/long.ts";
import { Callers, Line, Services } from "../support/restarting.ts";

const RESTARTS = sized(3, 40);
const CALLERS = 4;
const BETWEEN_MS = 300;
const TEST_MS = sized(40_000, 600_000);

test.each([1, 2])(
  "no request is lost, and none is served twice, while the program is restarted under load with %i worker(s)",
  { timeout: TEST_MS },
  async (workers) => {
    await using services = await Services.start();
    const [port = 0, h2Port = 0] = await freePorts(2);
    await using line = await Line.start(() => ({
      workers,
      routers: [
        { protocol: "http", dtab: `/svc/web => /$/inet/127.0.0.1/${services.port}`, servers: [{ port, http2: true }] },
        { protocol: "h2", dtab: `/svc/web => /$/inet/127.0.0.1/${services.h2Port}`, servers: [{ port: h2Port }] },
      ],
    }));
    using callers = new Callers({ port, h2Port, callers: CALLERS });
    await sleep(BETWEEN_MS * 2);
    for (let i = 0; i < RESTARTS; i++) {
      const former = await line.restart();
      await line.ended(former);
      await sleep(BETWEEN_MS);
    }
    const { failures, goaways, served } = await callers.report();
    expect(failures).toEqual([]);
    for (const [kind, ids] of Object.entries(served)) expect(ids.length, kind).toBeGreaterThan(20);
    const all = Object.values(served).flat();
    expect(new Set(all)).toEqual(new Set(services.journal.keys()));
    expect([...services.journal.values()].filter((times) => times !== 1)).toEqual([]);
    expect(goaways).toBeGreaterThanOrEqual(RESTARTS * CALLERS);
    expect(new Set(line.pids).size).toBe(RESTARTS + 1);
    expect(line.program.child.exitCode).toBe(0);
    expect(line.program.err.split("stopped; everything in progress was finished").length - 1).toBe(RESTARTS);
    await line.stop();
  },
);

test(
  "without a hand-over, by reusePort alone, what waits in the queue of the process that goes may be reset: it is counted",
  { timeout: TEST_MS },
  async () => {
    await using services = await Services.start();
    const [port = 0] = await freePorts(1);
    const config = () => ({
      routers: [
        {
          protocol: "http",
          dtab: `/svc/web => /$/inet/127.0.0.1/${services.port}`,
          servers: [{ port, socketOptions: { reusePort: true } }],
        },
      ],
    });
    let serving = await Line.start(config);
    using callers = new Callers({ port, h2Port: 0, callers: CALLERS * 4 });
    await sleep(BETWEEN_MS * 2);
    for (let i = 0; i < RESTARTS; i++) {
      const next = await Line.start(config);
      await using former = serving;
      serving = next;
      await sleep(BETWEEN_MS);
      await former.stop();
    }
    await using _last = serving;
    const { failures, served } = await callers.report();
    const count = Object.values(served).flat().length;
    console.log(
      `${RESTARTS} restarts by reusePort alone: ${failures.length} of ${count + failures.length} requests failed`,
    );
    // Nothing else may be lost, and what was lost was not served.
    for (const failure of failures) expect(failure).toMatch(/ECONNRESET|EPIPE|closed after ""/);
    expect([...services.journal.values()].filter((times) => times !== 1)).toEqual([]);
    expect(services.journal.size).toBe(count);
  },
);
