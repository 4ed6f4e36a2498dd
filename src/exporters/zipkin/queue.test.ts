import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { traced } from "../../../test/support/traced.ts";
import { Log } from "../../telemetry/log.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";
import { SpanQueue } from "./queue.ts";

/** One batch that a test lets arrive, or not. */
interface Batch {
  readonly requests: readonly TracedRequest[];
  arrive(): void;
  lose(why: string): void;
  cancelled: boolean;
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function setUp() {
  const env = new ManualEnv();
  const scope = new MetricsRegistry(env).root;
  const said: string[] = [];
  const log = new Log(env.clock, (line) => void said.push(line.replace(/^\S+ /, "")));
  const batches: Batch[] = [];
  const queue = new SpanQueue({
    env,
    logger: log.logger("zipkin"),
    scope,
    place: "zipkin:9411",
    send: (requests) => {
      const { promise, reject, resolve } = Promise.withResolvers<void>();
      const batch: Batch = {
        requests,
        arrive: resolve,
        lose: (why) => reject(new Error(why)),
        cancelled: false,
      };
      batches.push(batch);
      return {
        done: promise,
        cancel: () => {
          batch.cancelled = true;
          reject(new Error("it was given up"));
        },
      };
    },
  });
  const add = (count: number) => {
    for (let i = 0; i < count; i++) queue.add(traced());
  };
  const figures = () => ["sent", "dropped", "failures"].map((name) => scope.counter(name).value);
  const pass = async (ms: number) => {
    env.advance(ms);
    await settled();
  };
  return { add, batches, env, figures, pass, queue, said };
}

const sizes = (batches: readonly Batch[]) => batches.map(({ requests }) => requests.length);

test("Requests wait a second for others, or until a batch is full", async () => {
  const { add, batches, figures, pass } = setUp();
  add(3);
  await pass(999);
  expect(sizes(batches)).toEqual([]);
  await pass(1);
  expect(sizes(batches)).toEqual([3]);
  batches[0]?.arrive();
  await settled();
  expect(figures()).toEqual([6, 0, 0]);
  add(100);
  expect(sizes(batches)).toEqual([3, 100]);
});

test("One batch is under way at a time; what came meanwhile follows", async () => {
  const { add, batches, pass } = setUp();
  add(350);
  expect(sizes(batches)).toEqual([100]);
  await pass(3000);
  expect(sizes(batches)).toEqual([100]);
  batches[0]?.arrive();
  await settled();
  batches[1]?.arrive();
  await settled();
  batches[2]?.arrive();
  await settled();
  expect(sizes(batches)).toEqual([100, 100, 100]);
  await pass(1000);
  expect(sizes(batches)).toEqual([100, 100, 100, 50]);
});

test("However slow the place is, a bounded number waits; what is beyond is dropped and counted in spans", async () => {
  const { add, batches, figures } = setUp();
  add(100 + 1000 + 7);
  expect([sizes(batches), figures()]).toEqual([[100], [0, 14, 0]]);
});

test("A batch that is lost is counted and not sent again; the place is left alone for a second, and the log hears of it twice", async () => {
  const { add, batches, figures, pass, said } = setUp();
  add(150);
  batches[0]?.lose("it answers with status 500");
  await settled();
  expect([sizes(batches), figures()]).toEqual([[100], [0, 200, 1]]);
  add(100);
  expect(sizes(batches)).toEqual([100]);
  await pass(1000);
  expect(sizes(batches)).toEqual([100, 100]);
  batches[1]?.lose("it answers with status 500");
  await settled();
  await pass(1000);
  batches[2]?.arrive();
  await settled();
  expect(figures()).toEqual([100, 400, 2]);
  expect(said).toEqual([
    "WARN  zipkin: zipkin:9411 does not take spans (it answers with status 500); they are dropped while that is so\n",
    "INFO  zipkin: zipkin:9411 takes spans again\n",
  ]);
});

test("At the end everything that waits is sent, and what comes later is dropped", async () => {
  const { add, batches, figures, queue } = setUp();
  add(230);
  const closed = queue.close(1000);
  for (let i = 0; i < 3; i++) {
    batches[i]?.arrive();
    await settled();
  }
  await closed;
  add(1);
  expect([sizes(batches), figures()]).toEqual([
    [100, 100, 30],
    [460, 2, 0],
  ]);
});

test("The end is not held up by a place that does not answer, or says no", async () => {
  const slow = setUp();
  slow.add(230);
  const closed = slow.queue.close(1000);
  await slow.pass(1000);
  await closed;
  expect([slow.batches[0]?.cancelled, slow.figures()]).toEqual([true, [0, 460, 1]]);
  const refusing = setUp();
  refusing.add(230);
  const ended = refusing.queue.close(1000);
  refusing.batches[0]?.lose("no");
  await ended;
  expect(refusing.figures()).toEqual([0, 460, 1]);
  expect(refusing.env.pendingTimers).toBe(0);
});

test("Nothing to send ends at once", async () => {
  const { batches, env, queue } = setUp();
  await queue.close(1000);
  expect([batches, env.pendingTimers]).toEqual([[], 0]);
});
