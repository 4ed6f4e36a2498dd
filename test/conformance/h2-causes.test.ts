// The causes that only HTTP/2 has: each provoked from outside, and told in one word to the caller, the log and the figures.
import { expect, test } from "vitest";
import { causes, causesByToken } from "../../src/core/cause.ts";
import type { H2Caller } from "../support/h2-caller.ts";
import { Code } from "../support/h2-frames.ts";
import { get, type H2Scene, memoryH2Scene, post } from "../support/h2-scene.ts";
import { answers, type H2Behaviour, notHttp2, refusesFirst, resets, silent } from "../support/h2-service.ts";
import type { ProxySetup } from "../support/proxy.ts";
import type { MemoryWorld } from "../support/world.ts";

interface Case {
  readonly setup?: ProxySetup;
  readonly behaviour?: H2Behaviour;
  /** Makes it happen; by default a GET does. */
  provoke?(scene: H2Scene<MemoryWorld>, caller: H2Caller): Promise<void> | void;
  /** The caller is told in a header; not when it is gone, or its answer had begun. */
  readonly told?: boolean;
}

const once: ProxySetup = {
  client: { failureAccrual: { kind: "none" }, requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } },
};

const cases: Readonly<Record<string, Case>> = {
  [causes.h2ClientReset.token]: {
    told: false,
    behaviour: silent(),
    async provoke(scene, caller) {
      const stream = caller.request(get());
      await scene.service.begun(1);
      stream.sendReset(Code.cancel);
    },
  },
  [causes.h2ClientMalformed.token]: {
    told: false,
    provoke: (_, caller) => void caller.request(post("/", [["content-length", "1"]]), { body: "too long" }),
  },
  [causes.h2HeadTooLarge.token]: {
    setup: { server: { maxHeaderListBytes: 1024 } },
    provoke: (_, caller) => void caller.request(get("/", [["x-long", "x".repeat(2000)]])),
  },
  [causes.h2Refused.token]: { setup: once, behaviour: refusesFirst(1) },
  [causes.h2Goaway.token]: { setup: once, behaviour: { head: (_, connection) => connection.goaway(0) } },
  [causes.h2Reset.token]: { behaviour: resets(Code.internal) },
  [causes.h2GaveUp.token]: {
    behaviour: silent(),
    async provoke(scene, caller) {
      caller.request(get("/", [["grpc-timeout", "40m"]]));
      await scene.service.begun(1);
      await scene.world.pass(39);
      scene.service.last.sendReset(Code.cancel);
    },
  },
  [causes.h2Malformed.token]: { behaviour: answers(200, "", [["Upper", "case"]]) },
  [causes.h2Protocol.token]: { behaviour: notHttp2() },
  [causes.h2Silent.token]: {
    setup: { client: { pingIntervalMs: 1000, pingTimeoutMs: 500 } },
    behaviour: silent({ answers: false }),
    async provoke(scene, caller) {
      caller.request(get());
      await scene.world.pass(4000);
    },
  },
};

test("every cause of HTTP/2 has a case here, and no case is about another", () => {
  const tokens = [...causesByToken.keys()].filter((token) => token.split(".")[1] === "h2");
  expect(Object.keys(cases).sort()).toEqual(tokens.sort());
});

test.each(Object.entries(cases))("%s", async (token, { behaviour = {}, provoke, setup = {}, told = true }) => {
  await using scene = await memoryH2Scene(setup, behaviour);
  const caller = scene.connect();
  if (provoke === undefined) caller.request(get());
  else await provoke(scene, caller);
  await scene.proxy.recorded(1);
  const { lastRecord } = scene.proxy;
  const { category } = causesByToken.get(token)!;
  expect(lastRecord.cause).toBe(token);
  expect(lastRecord.outcome).toBe(category === "gone" ? "ignorable" : "failure");
  expect(lastRecord.token.split(";")[0]).toBe(token);
  expect(scene.proxy.serverMetric("failures", token)).toBe(1);
  scene.world.settle();
  if (!told) return;
  const [stream] = caller.streams.values();
  expect(stream?.value("fairlead-cause")).toBe(lastRecord.token);
  expect(stream?.status).toBe(lastRecord.status);
});
