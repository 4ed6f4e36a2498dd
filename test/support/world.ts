// Where a test takes place: in memory and simulated time, or on loopback sockets and in real time. A test that is written
// against `World` runs in both.
import { expect } from "vitest";
import type { Env } from "../../src/base/env.ts";
import { systemEnv } from "../../src/base/env.ts";
import type { Transport } from "../../src/core/byte-stream.ts";
import type { DataLoop } from "../../src/core/data-loop.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../../src/transport/memory/memory-network.ts";
import { NodeTransport } from "../../src/transport/node/node-transport.ts";
import { ReadBuffers } from "../../src/transport/node/read-buffers.ts";
import { proveDirectWrite } from "../../src/transport/node/direct-write.ts";
import { proveStaticRead } from "../../src/transport/node/static-read.ts";
import { manyDescriptors } from "./descriptors.ts";
import { ManualEnv } from "./manual-env.ts";

/** Time, and a network, for one test. At its end nothing may be left open, pending or thrown. */
export interface World extends AsyncDisposable {
  readonly name: string;
  readonly env: Env;
  /** The network as the test's own callers and services use it. */
  readonly transport: Transport;
  /** The network as the proxy under test uses it. */
  proxyTransport(loop: DataLoop): Promise<Transport>;
  /** What readers threw; a test ends with none. */
  readonly thrown: unknown[];
  /** Lets things happen until `condition` holds. `what` says in a failure what was waited for. */
  until(what: string | (() => string), condition: () => boolean): Promise<void>;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
  /** Has something stopped at the end of the test, before it is checked what is left; what is returned takes that back. */
  atEnd(stop: () => void | Promise<void>): () => void;
}

/** A world in memory: nothing happens unless the test says so. */
export interface MemoryWorld extends World {
  readonly env: ManualEnv;
  readonly network: MemoryNetwork;
  /** Lets everything happen that needs no time. */
  settle(): void;
  /** Goes on with `step`, time passes if nothing else is said, until `condition` holds; files have real time meanwhile. */
  passUntil(what: string, condition: () => boolean, step?: () => Promise<unknown>): Promise<void>;
}

/** How long `until` waits, in real time: for files and promises in memory, for everything on sockets. */
const PATIENCE_MS = 8_000;
const STEP_MS = 25;
/** A timer wheel without timers stops at its next tick. */
const WHEEL_REST_MS = 100;

/** Gives promises, files and sockets their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export function memoryWorld(options: MemoryNetworkOptions = {}): MemoryWorld {
  const env = new ManualEnv();
  const network = new MemoryNetwork(options);
  const thrown: unknown[] = [];
  const stops = new Set<Stop>();
  const readerFailed = (error: unknown) => void thrown.push(error);
  const settle = () => {
    do network.settle();
    while (env.endTurn());
  };
  const pass = async (ms: number) => {
    settle();
    for (let left = ms; left > 0; left -= STEP_MS) {
      env.advance(Math.min(left, STEP_MS));
      settle();
      await Promise.resolve();
    }
    await turn();
    settle();
  };
  return {
    name: "memory",
    env,
    network,
    thrown,
    transport: network.transport({ flush: () => undefined, readerFailed }),
    proxyTransport: async (loop) => ({
      ...network.transport({ flush: () => loop.scratch.flush(), readerFailed }, "10.1.1.1"),
      descriptors: manyDescriptors(),
    }),
    settle,
    until: (what, condition) =>
      patiently(what, thrown, () => {
        settle();
        return condition();
      }),
    pass,
    passUntil: (what, condition, step = () => pass(STEP_MS)) => patiently(what, thrown, condition, step),
    atEnd: (stop) => remember(stops, stop),
    async [Symbol.asyncDispose]() {
      await stopAll(stops);
      settle();
      env.advance(WHEEL_REST_MS);
      reportThrown(thrown);
      expect({ openStreams: network.open, pendingTimers: env.pendingTimers }).toEqual({
        openStreams: 0,
        pendingTimers: 0,
      });
    },
  };
}

type Stop = () => void | Promise<void>;

function remember(stops: Set<Stop>, stop: Stop): () => void {
  stops.add(stop);
  return () => void stops.delete(stop);
}

async function stopAll(stops: ReadonlySet<Stop>): Promise<void> {
  for (const stop of stops) await stop();
}

function reportThrown(thrown: readonly unknown[]): void {
  if (thrown.length > 0) throw new AggregateError(thrown, `a reader threw: ${String(thrown[0])}`);
}

/** A world of sockets on 127.0.0.1. */
export function tcpWorld(): World {
  const thrown: unknown[] = [];
  const stops = new Set<Stop>();
  const readerFailed = (error: unknown) => void thrown.push(error);
  return {
    name: "tcp",
    env: systemEnv(),
    thrown,
    transport: new NodeTransport({
      buffers: new ReadBuffers(null),
      directWrite: null,
      descriptors: manyDescriptors(),
      flush: () => undefined,
      readerFailed,
    }),
    proxyTransport: async (loop) =>
      new NodeTransport({
        buffers: new ReadBuffers(await proveStaticRead()),
        directWrite: await proveDirectWrite(),
        descriptors: manyDescriptors(),
        flush: () => loop.scratch.flush(),
        readerFailed,
      }),
    until: (what, condition) => patiently(what, thrown, condition),
    pass: (ms) =>
      new Promise((resolve) => {
        setTimeout(resolve, ms);
      }),
    atEnd: (stop) => remember(stops, stop),
    async [Symbol.asyncDispose]() {
      await stopAll(stops);
      reportThrown(thrown);
    },
  };
}

async function patiently(
  what: string | (() => string),
  thrown: readonly unknown[],
  condition: () => boolean,
  step: () => Promise<unknown> = turn,
): Promise<void> {
  const giveUpMs = performance.now() + PATIENCE_MS;
  while (!condition()) {
    reportThrown(thrown);
    if (performance.now() > giveUpMs) throw new Error(`waited in vain: ${typeof what === "string" ? what : what()}`);
    await step();
  }
}
