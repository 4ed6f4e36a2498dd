import { expect, test } from "vitest";
import { seededRandom } from "../base/random.ts";
import { TraceId } from "./trace-id.ts";

const random = seededRandom(7);

function received(flagsLow = 0): TraceId {
  return Object.assign(new TraceId(), { known: true, traceLow: 1, parentLow: 2, spanLow: 3, flagsLow });
}

test("A received trace that is traced has the caller's span for its server, and a child of it for its client", () => {
  const trace = received();
  trace.nextTraced(random);
  expect(trace).toMatchObject({ received: true, traced: true, traceLow: 1, aboveLow: 2, parentLow: 3 });
  expect(trace.spanLow).not.toBe(3);
});

test("A new root that is traced has a span of its own, and a child of it", () => {
  const trace = new TraceId();
  trace.nextTraced(random);
  const { aboveLow, parentHigh, parentLow, received: wasReceived, spanLow, traceHigh, traceLow } = trace;
  expect(wasReceived).toBe(false);
  expect([parentLow, aboveLow, parentHigh]).toEqual([traceLow, traceLow, traceHigh]);
  expect(spanLow).not.toBe(traceLow);
});

test("What was asked for of a new root is decided by its trace id", () => {
  const trace = new TraceId();
  trace.pendingSample = 1;
  trace.nextTraced(random);
  expect([trace.sampled, trace.undecided]).toEqual([true, false]);
});

test("A trace is undecided unless its flags say otherwise, and decided once", () => {
  expect([received(0).undecided, received(1).undecided, received(2).undecided, received(6).undecided]).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const no = received(2);
  no.decide(1);
  expect(no.sampled).toBe(false);
});

test("What is recycled is traced by nobody", () => {
  const trace = received(6);
  trace.nextTraced(random);
  trace.reset();
  expect(trace).toMatchObject({ traced: false, known: false, sampled: false });
});
