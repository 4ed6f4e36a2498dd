import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { traced } from "../../test/support/traced.ts";
import { memoryWorld } from "../../test/support/world.ts";
import { Log } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import type { TelemeterConfig } from "./config.ts";
import { samplersOf, Telemeters } from "./telemeters.ts";

const RECENT: TelemeterConfig = { kind: "io.l5d.recentRequests", sampleRate: 0.5, capacity: 10 };
const TRACELOG: TelemeterConfig = { kind: "io.l5d.tracelog", sampleRate: 0.25, level: "INFO" };
const PROMETHEUS: TelemeterConfig = { kind: "io.l5d.prometheus", path: "/p", prefix: "" };
const ZIPKIN: TelemeterConfig = {
  kind: "io.zipkin.http",
  host: "zipkin:9411",
  hostHeader: "zipkin",
  compressionEnabled: true,
  initialSampleRate: 0.001,
};

/** Units of a draw. */
const [EIGHTH, HALF] = [0x200000, 0x7fffff];

function setUp() {
  const env = new ManualEnv();
  const said: string[] = [];
  const log = new Log(env.clock, (line) => void said.push(line));
  const { root } = new MetricsRegistry(env);
  const transport = memoryWorld().transport;
  const telemeters = new Telemeters({ env, log, scope: root.scope("telemeter"), metrics: async () => root, transport });
  return { root, said, telemeters };
}

test("Threads are told the rates of those that trace, and no others", () => {
  expect(samplersOf([PROMETHEUS, RECENT, TRACELOG, ZIPKIN])).toEqual([
    { rate: 0.5, decides: false, ofAll: true },
    { rate: 0.25, decides: false, ofAll: false },
    { rate: 0.001, decides: true, ofAll: false },
  ]);
});

test("Each takes what it wants of what some of them want", () => {
  const { said, telemeters } = setUp();
  telemeters.follow([RECENT, TRACELOG]);
  telemeters.take(traced({ flags: 0, draw: EIGHTH, uri: "/both" }));
  telemeters.take(traced({ flags: 0, draw: HALF, uri: "/recent" }));
  telemeters.take(traced({ flags: 6, draw: 0xffffff, uri: "/sampled" }));
  telemeters.take(traced({ flags: 2, draw: EIGHTH, uri: "/against" }));
  expect(telemeters.recent?.map(({ uri }) => uri)).toEqual(["/against", "/sampled", "/recent", "/both"]);
  expect(said.map((line) => / uri=(\S+)/.exec(line)?.[1])).toEqual(["/both", "/sampled"]);
});

test("What is written as before keeps what it has, in any order; what is not there any more is gone", () => {
  const { telemeters } = setUp();
  expect(telemeters.recent).toBe(null);
  telemeters.follow([RECENT, PROMETHEUS]);
  telemeters.take(traced({ uri: "/kept" }));
  telemeters.follow([TRACELOG, { ...RECENT }]);
  expect(telemeters.recent?.map(({ uri }) => uri)).toEqual(["/kept"]);
  telemeters.follow([{ ...RECENT, capacity: 11 }]);
  expect(telemeters.recent).toEqual([]);
  telemeters.follow([]);
  expect(telemeters.recent).toBe(null);
});

test("Two that are written alike are two", () => {
  const { said, telemeters } = setUp();
  telemeters.follow([TRACELOG, TRACELOG]);
  telemeters.take(traced());
  telemeters.follow([TRACELOG]);
  telemeters.take(traced());
  expect(said.length).toBe(3);
});

test("What threads had too many of is counted for each that may have wanted it", () => {
  const { root, telemeters } = setUp();
  telemeters.follow([RECENT, ZIPKIN]);
  telemeters.missed(3);
  telemeters.missed(0);
  const dropped = (kind: string) => root.scope("telemeter", kind).counter("dropped").value;
  expect([dropped(RECENT.kind), dropped(ZIPKIN.kind)]).toEqual([3, 3]);
});
