import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import type { SendDatagrams } from "../../core/datagrams.ts";
import { Log } from "../../telemetry/log.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { StatsdPusher } from "./pusher.ts";

const SPEC = { prefix: "l", hostname: "statsd", port: 8125, gaugeIntervalMs: 1000, sampleRate: 1 };

/** A network whose host is there or not, and what came out of it. */
class Net {
  readonly got: string[] = [];
  problem: Error | null = null;
  asked = 0;
  hang: Promise<void> | null = null;

  readonly send: SendDatagrams = async (host, port, datagrams) => {
    this.asked++;
    expect([host, port]).toEqual(["statsd", 8125]);
    if (this.hang !== null) await this.hang;
    if (this.problem !== null) throw this.problem;
    const all = [...datagrams].map((datagram) => Buffer.from(datagram).toString("latin1"));
    this.got.push(...all);
    return { sent: all.length, failed: 0 };
  };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function setUp(late = false) {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  const said: string[] = [];
  const log = new Log(env.clock, (line) => void said.push(line));
  const scope = new MetricsRegistry(env).root;
  const net = new Net();
  const counter = registry.root.counter("a");
  const start = () =>
    new StatsdPusher({
      spec: SPEC,
      env,
      logger: log.logger("statsd"),
      scope,
      metrics: async () => registry.root,
      send: net.send,
      late,
    });
  const pass = async (ms: number) => {
    env.advance(ms);
    await settled();
  };
  return { counter, net, pass, said, scope, start };
}

test("Each interval is told once, and the rest at the end", async () => {
  const { counter, net, pass, scope, start } = setUp();
  const pusher = start();
  counter.add(1);
  await pass(999);
  expect(net.got).toEqual([]);
  await pass(1);
  expect(net.got).toEqual(["l.a:1|c"]);
  counter.add(2);
  await pass(1000);
  counter.add(3);
  await pusher.close();
  expect(net.got).toEqual(["l.a:1|c", "l.a:2|c", "l.a:3|c"]);
  expect(scope.counter("sent").value).toBe(3);
  await pass(5000);
  expect(net.asked).toBe(3);
});

test("While the host cannot be found nothing is lost of what counters count, and the log hears of it twice", async () => {
  const { counter, net, pass, said, scope, start } = setUp();
  const pusher = start();
  net.problem = new Error("getaddrinfo ENOTFOUND statsd");
  for (let i = 0; i < 3; i++) {
    counter.add(1);
    await pass(1000);
  }
  expect([net.got, scope.counter("failures").value]).toEqual([[], 3]);
  net.problem = null;
  await pass(1000);
  expect(net.got).toEqual(["l.a:3|c"]);
  expect(said.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "WARN  statsd: metrics cannot be sent to statsd:8125 (getaddrinfo ENOTFOUND statsd); what counters count is kept\n",
    "INFO  statsd: statsd:8125 is sent metrics again\n",
  ]);
  await pusher.close();
});

test("A host that is looked up for long is not asked for again meanwhile", async () => {
  const { counter, net, pass, start } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  net.hang = promise;
  const pusher = start();
  counter.add(1);
  await pass(5000);
  expect(net.asked).toBe(1);
  counter.add(1);
  resolve();
  await settled();
  expect(net.got).toEqual(["l.a:2|c"]);
  await pusher.close();
});

test("One that a reload brings tells only what is counted from then on", async () => {
  const { counter, net, pass, start } = setUp(true);
  counter.add(1000);
  const pusher = start();
  await settled();
  counter.add(1);
  await pass(1000);
  expect(net.got).toEqual(["l.a:1|c"]);
  await pusher.close();
});
