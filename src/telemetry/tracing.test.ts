import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Exchange } from "../core/exchange.ts";
import type { Sampler } from "./sampling.ts";
import type { TracedRequest } from "./traced-request.ts";
import { Tracing } from "./tracing.ts";

const SERVER = {
  router: "http",
  address: "127.0.0.1:4140",
  words: () => ({ method: "GET", uri: "/", host: "web", version: "HTTP/1.1" }),
};
const zipkin = (rate: number): Sampler => ({ rate, decides: true, ofAll: false });
const tracelog = (rate: number): Sampler => ({ rate, decides: false, ofAll: false });
const recent = (rate: number): Sampler => ({ rate, decides: false, ofAll: true });

const [UNDECIDED, AGAINST, SAMPLED] = [0, 2, 6];

function setUp(...samplers: readonly Sampler[]) {
  const env = new ManualEnv();
  const loop = new DataLoop(env);
  const taken: TracedRequest[] = [];
  const tracing = new Tracing({ loop, clock: env.clock, take: (request) => taken.push(request) });
  tracing.follow(samplers);
  const begin = (known?: { flags: number; draw?: number }) => {
    const ex = new Exchange();
    if (known !== undefined)
      Object.assign(ex.trace, {
        known: true,
        flagsLow: known.flags,
        traceLow: known.draw ?? 0,
        spanLow: 3,
        parentLow: 2,
      });
    tracing.begin(ex);
    return ex;
  };
  return { begin, env, loop, taken, tracing };
}

test("Without telemeters nothing is looked at", () => {
  expect(setUp().tracing.on).toBe(false);
  const { tracing } = setUp(zipkin(0));
  expect(tracing.on).toBe(true);
  tracing.follow([]);
  expect(tracing.on).toBe(false);
});

test("What a telemeter decides goes on with the trace; what was decided stays", () => {
  const one = setUp(zipkin(1));
  expect(one.begin({ flags: UNDECIDED }).trace.flagsLow).toBe(SAMPLED);
  expect(one.begin({ flags: AGAINST }).trace.flagsLow).toBe(AGAINST);
  expect(one.begin().trace.flagsLow).toBe(SAMPLED);
  expect(setUp(zipkin(0)).begin({ flags: UNDECIDED }).trace.flagsLow).toBe(AGAINST);
  expect(setUp(zipkin(0)).begin({ flags: SAMPLED }).trace.flagsLow).toBe(SAMPLED);
});

test("The largest rate of those that decide holds", () => {
  const { begin } = setUp(zipkin(0.1), zipkin(0.6), zipkin(0.3));
  expect(begin({ flags: UNDECIDED, draw: 0x800000 }).trace.flagsLow).toBe(SAMPLED); // one half
  expect(begin({ flags: UNDECIDED, draw: 0xc00000 }).trace.flagsLow).toBe(AGAINST);
});

test("Where somebody does not decide, what nobody wants stays undecided", () => {
  const { begin } = setUp(zipkin(0.1), tracelog(0.5));
  expect(begin({ flags: UNDECIDED, draw: 0xc00000 }).trace.flagsLow).toBe(UNDECIDED);
  expect(begin({ flags: UNDECIDED, draw: 0 }).trace.flagsLow).toBe(SAMPLED);
});

test("Only what somebody wants is told of, and notes are kept for it alone", () => {
  const { begin, taken, tracing } = setUp(tracelog(0.5), recent(0.1));
  const told = (known: { flags: number; draw: number }) => {
    const before = taken.length;
    const ex = begin(known);
    tracing.end(ex, SERVER);
    expect(taken.length > before).toBe(ex.notes !== null);
    return taken.length > before;
  };
  expect(told({ flags: UNDECIDED, draw: 0x400000 })).toBe(true); // a quarter
  expect(told({ flags: UNDECIDED, draw: 0xc00000 })).toBe(false);
  expect(told({ flags: AGAINST, draw: 0x400000 })).toBe(false);
  expect(told({ flags: AGAINST, draw: 0 })).toBe(true); // a share of all
  expect(told({ flags: SAMPLED, draw: 0xffffff })).toBe(true);
});

test("What is told of has ids, times and names", () => {
  const { begin, env, loop, taken, tracing } = setUp(zipkin(1));
  const ex = begin({ flags: SAMPLED, draw: 9 });
  ex.startMs = loop.nowMs;
  Object.assign(ex, { attempts: 2, status: 200, endpoint: "10.0.0.2:80", sentMs: loop.nowMs + 1, latencyMs: 5 });
  const beganMs = env.clock.epochMs();
  env.advance(7);
  loop.tick();
  tracing.end(ex, SERVER);
  expect(taken).toEqual([
    expect.objectContaining({
      traceId: "0000000000000009",
      serverSpan: "0000000000000003",
      parentSpan: "0000000000000002",
      clientSpan: expect.stringMatching(/^[0-9a-f]{16}$/),
      received: true,
      flags: SAMPLED,
      draw: 9,
      startMs: beganMs,
      durationMs: 7,
      sentAfterMs: 1,
      answeredAfterMs: 5,
      router: "http",
      server: "127.0.0.1:4140",
      uri: "/",
      endpoint: "10.0.0.2:80",
      outcome: "success",
    }),
  ]);
});

test("A request that was refused before it had a name is told of, one that began before anybody traced is not", () => {
  const { taken, tracing } = setUp(recent(1));
  const refused = new Exchange();
  tracing.end(refused, SERVER);
  expect(taken).toEqual([
    expect.objectContaining({
      clientSpan: null,
      sentAfterMs: null,
      answeredAfterMs: null,
      parentSpan: null,
      service: "",
    }),
  ]);
  const early = new Exchange();
  early.path = { service: "/svc/web" } as never; // as far as it is looked at
  tracing.end(early, SERVER);
  expect(taken.length).toBe(1);
});
