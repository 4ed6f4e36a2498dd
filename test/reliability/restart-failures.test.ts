// R3: a new process that cannot take over costs no request, and leaves nothing behind; and what else can come between.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openDescriptors } from "../support/process-state.ts";
import { ask, freePorts, until } from "../support/program.ts";
import { Callers, childrenOf, Line, runs, Services } from "../support/restarting.ts";

const web = { Host: "web", "X-Id": "one" };

/** What stays open for a moment. */
async function settles(read: () => number, before: number, what: string): Promise<void> {
  await until(
    () => read() <= before,
    () => `${what}: ${read()} instead of ${before}`,
  );
}

test(
  "a file that is broken, or names a port that is taken, keeps the old process serving: the answer says why, no request is lost, nothing leaks",
  { timeout: 40_000 },
  async () => {
    await using services = await Services.start();
    const [port = 0] = await freePorts(1);
    const routers = (...servers: object[]) => [
      { protocol: "http", dtab: `/svc/web => /$/inet/127.0.0.1/${services.port}`, servers },
    ];
    await using line = await Line.start((folder) => ({
      routers: routers({ port }, { socket: join(folder, "web.sock") }),
    }));
    const socket = join(line.folder, "web.sock");
    const good = readFileSync(line.file, "utf8");
    const squatter = net.createServer().listen(0, "127.0.0.1");
    await until(
      () => squatter.listening,
      () => "the port to be taken",
    );
    const taken = (squatter.address() as net.AddressInfo).port; // it listens on a port
    await ask(port, web);

    using callers = new Callers({ port, h2Port: 0, callers: 4 });
    await sleep(500);
    writeFileSync(line.file, "routers: nonsense\n");
    const { status, text } = await line.ask();
    expect(status).toBe(500);
    expect(text).toContain(
      "this process serves on: the new one cannot take over, for it ended with 1 before it served",
    );
    expect(line.program.err).toMatch(/fairlead\.json:1:\d+: error: /);
    // A new server, whose port is taken, behind those that are inherited: these have callers by the time that it fails.
    const { admin } = JSON.parse(good) as { admin: object };
    const servers = [{ port }, { socket }, { port: taken }];
    writeFileSync(line.file, JSON.stringify({ admin, routers: routers(...servers) }));
    expect(await line.ask()).toMatchObject({ status: 500 });
    expect(line.program.err).toContain(`127.0.0.1:${taken} is already in use`);
    // The admin server comes last.
    writeFileSync(line.file, JSON.stringify({ admin: { port: taken }, routers: JSON.parse(good).routers }));
    expect(await line.ask()).toMatchObject({ status: 500 });
    expect(existsSync(socket)).toBe(true);

    const { failures, served } = await callers.report();
    expect(failures).toEqual([]);
    expect(new Set(Object.values(served).flat())).toEqual(
      new Set([...services.journal.keys()].filter((id) => id !== "one")),
    );
    expect([...services.journal.values()].filter((times) => times !== 1)).toEqual([]);
    expect(childrenOf(line.pid)).toEqual([]);
    const before = openDescriptors(line.pid);
    for (let i = 0; i < 2; i++) expect(await line.ask()).toMatchObject({ status: 500 });
    await settles(() => openDescriptors(line.pid), before, "descriptors");

    squatter.close();
    writeFileSync(line.file, good);
    const former = await line.restart();
    await line.ended(former);
    expect((await ask(port, web)).status).toBe(200);
    expect(existsSync(socket)).toBe(true);
    await line.stop();
    expect(existsSync(socket)).toBe(false); // it was its own by then
  },
);

test("two wishes at the same time are one restart; a stop that is asked for meanwhile is obeyed, and the new process with it", async () => {
  await using services = await Services.start();
  const [port = 0] = await freePorts(1);
  await using line = await Line.start(() => ({
    routers: [{ protocol: "http", dtab: `/svc/web => /$/inet/127.0.0.1/${services.port}`, servers: [{ port }] }],
  }));
  const [first, second] = await Promise.all([line.ask(), line.ask()]);
  expect(first.status).toBe(200);
  expect(second).toEqual(first);
  const pid = Number(/process (\d+)/.exec(first.text)?.[1]);
  await line.ended(line.pid);
  line.pids.push(pid);

  const third = line.ask().catch(String);
  await until(
    () => childrenOf(pid).length > 0,
    () => "the new process to begin",
  );
  const [child = 0] = childrenOf(pid);
  process.kill(pid, "SIGTERM");
  expect(await third).toMatchObject({ status: 500, text: expect.stringContaining("asked to stop meanwhile") });
  await line.ended(pid);
  await line.ended(child);
  await expect(ask(port, web)).rejects.toThrow("ECONNREFUSED");
});

test("a new process takes the addresses of the file as it is now, whatever the servers are called, and lets go of the others", async () => {
  await using services = await Services.start();
  const [port = 0, other = 0] = await freePorts(2);
  const dtab = `/svc/web => /$/inet/127.0.0.1/${services.port}`;
  await using line = await Line.start(() => ({
    workers: 2,
    routers: [{ protocol: "http", dtab, servers: [{ port }] }],
  }));
  const { admin } = JSON.parse(readFileSync(line.file, "utf8")) as { admin: object };
  // Held back from the process that runs, which would follow it.
  process.kill(line.pid, "SIGSTOP");
  writeFileSync(
    line.file,
    JSON.stringify({ admin, workers: 1, routers: [{ protocol: "http", dtab, servers: [{ port }] }] }),
  );
  process.kill(line.pid, "SIGCONT");
  await line.ended(await line.restart());
  for (let i = 0; i < 20; i++) expect((await ask(port, web)).status).toBe(200); // one worker, one queue
  writeFileSync(
    line.file,
    JSON.stringify({ admin, routers: [{ protocol: "http", dtab, servers: [{ port: other }] }] }),
  );
  await line.ended(await line.restart());
  expect((await ask(other, web)).status).toBe(200);
  await expect(ask(port, web)).rejects.toThrow("ECONNREFUSED");
  expect(runs(line.pid)).toBe(true);
  await line.stop();
});
