// Redis on both sides of a router whose protocol comes from a plug-in (examples/plugins/resp): its own client, its benchmark, two servers.
import { deepEqual, equal, match } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ask } from "../ask.ts";
import { BIN } from "../fairlead.ts";
import { freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

const PLUGIN = resolve(import.meta.dirname, "../../../examples/plugins/resp/index.ts");
const BIG_BYTES = 3_000_000;
const PIPELINED = 5000;

export const redis: Peer = {
  name: "Redis",
  named: true,
  needs: [
    { probes: [["redis-server", "--version"]], packages: ["redis-server"] },
    { probes: [["redis-cli", "--version"]], packages: ["redis-tools"] },
    { probes: [["redis-benchmark", "--version"]], packages: ["redis-tools"] },
  ],
  async run(stage, server = "", client = "", benchmark = "") {
    const directory = stage.directory("redis");
    const [users, orders] = [await startServer(stage, server, "users"), await startServer(stage, server, "orders")];
    const [port, adminPort] = [await freePort(), await freePort()];
    const file = join(directory, "fairlead.json");
    const dtab = [
      `/svc/redis => /$/inet/127.0.0.1/${orders}`,
      `/svc/redis/default => /$/inet/127.0.0.1/${users}`,
      `/svc/redis/user => /$/inet/127.0.0.1/${users}`,
      `/svc/redis/order => /$/inet/127.0.0.1/${orders}`,
    ].join("; ");
    const listener = { port, maxCommandBytes: 2 * BIG_BYTES };
    const routers = [{ protocol: "resp", dtab, servers: [listener] }];
    writeFileSync(file, JSON.stringify({ fairlead: 1, plugins: [PLUGIN], admin: { port: adminPort }, routers }));
    const fairlead = stage.processes.start("fairlead-redis", process.execPath, [BIN, "run", file]);
    await listening(fairlead, port);
    const { report } = stage;
    const cli = async (at: number, args: readonly string[]) => {
      const { code, stderr, stdout } = await stage.processes.run(client, ["-p", String(at), ...args]);
      deepEqual([code, stderr], [0, ""]);
      return stdout.trimEnd();
    };

    await report.case(
      "redis-cli: strings, numbers, lists, hashes, nothing, each at the server of its key",
      async () => {
        equal(await cli(port, ["SET", "user:1", "Ada"]), "OK");
        equal(await cli(port, ["GET", "user:1"]), "Ada");
        equal(await cli(port, ["INCR", "order:count"]), "1");
        equal(await cli(port, ["RPUSH", "order:1", "tea", "cake"]), "2");
        equal(await cli(port, ["LRANGE", "order:1", "0", "-1"]), "tea\ncake");
        equal(await cli(port, ["HSET", "user:h", "a", "1", "b", "2"]), "2");
        equal(await cli(port, ["HGETALL", "user:h"]), "a\n1\nb\n2");
        equal(await cli(port, ["GET", "user:none"]), "");
        deepEqual([await cli(users, ["EXISTS", "user:1"]), await cli(users, ["EXISTS", "order:1"])], ["1", "0"]);
        deepEqual([await cli(orders, ["EXISTS", "user:1"]), await cli(orders, ["EXISTS", "order:1"])], ["0", "1"]);
      },
    );

    await report.case("redis-cli: errors of the server and of fairlead", async () => {
      match(await cli(port, ["INCR", "user:1"]), /^ERR value is not an integer/);
      match(await cli(port, ["LPUSH", "user:1", "x"]), /^WRONGTYPE /);
      match(await cli(port, ["MULTI"]), /transactions need a connection/);
      match(await cli(port, ["MGET", "user:1", "order:1"]), /^CROSSSLOT /);
      equal(await cli(port, ["PING"]), "PONG");
    });

    await report.case(`redis-cli: a value of ${BIG_BYTES} bytes there and back`, async () => {
      const value = Buffer.alloc(BIG_BYTES, "0123456789abcdef").toString();
      const path = join(directory, "big");
      writeFileSync(path, value);
      const set = await stage.processes.run("sh", ["-c", `"${client}" -p ${port} -x SET user:big < "${path}"`]);
      equal(set.stdout, "OK\n");
      equal((await cli(port, ["GET", "user:big"])).length, BIG_BYTES);
      equal(await cli(users, ["STRLEN", "user:big"]), String(BIG_BYTES));
    });

    await report.case(`redis-cli --pipe: ${PIPELINED} commands sent ahead, all answered in order`, async () => {
      const path = join(directory, "pipelined");
      const key = (i: number) => (i % 2 === 0 ? "user" : "order").concat(`:p${i}`);
      const text = Array.from({ length: PIPELINED }, (_, i) => command("SET", key(i), `v${i}`)).join("");
      writeFileSync(path, text);
      const { stdout } = await stage.processes.run("sh", ["-c", `"${client}" -p ${port} --pipe < "${path}"`]);
      match(stdout, new RegExp(`errors: 0, replies: ${PIPELINED}`));
      equal(await cli(orders, ["GET", `order:p${PIPELINED - 1}`]), `v${PIPELINED - 1}`);
    });

    await report.case("redis-benchmark: 20 connections, pipelines of 8, no error", async () => {
      const args = [
        "-p",
        String(port),
        "-n",
        "20000",
        "-c",
        "20",
        "-P",
        "8",
        "-q",
        "-t",
        "set,get,incr,lpush,lrange_100",
      ];
      const { code, stdout } = await stage.processes.run(benchmark, args);
      equal(code, 0);
      for (const name of ["SET", "GET", "INCR", "LPUSH"])
        match(stdout, new RegExp(`${name}: [\\d.]+ requests per second`));
      equal(/error/i.test(stdout), false);
    });

    await report.case("figures: no failure, and what was answered here", async () => {
      const { text } = await ask(`127.0.0.1:${adminPort}`, "localhost", "/admin/metrics.json");
      const figures = JSON.parse(text) as Readonly<Record<string, number>>;
      deepEqual(
        Object.keys(figures).filter((name) => /client.*failures\//.test(name)),
        [],
      );
      equal(figures[`rt/resp/client/$/inet/127.0.0.1/${users}/failures`], 0);
      equal(figures[`rt/resp/client/$/inet/127.0.0.1/${orders}/failures`], 0);
      equal(figures["rt/resp/protocol/resp/malformed"], 0);
    });

    await report.case("stops when it is told to, with exit code 0", async () => {
      fairlead.signal("SIGTERM");
      equal(await fairlead.ended, 0);
    });
  },
};

function command(...args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}

async function startServer(stage: Stage, executable: string, name: string): Promise<number> {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  await listening(stage.processes.start(`redis-${name}`, executable, args), port);
  return port;
}
