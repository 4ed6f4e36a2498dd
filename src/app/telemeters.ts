// The telemeters of a process through all reloads: those that send something, or keep requests. What only shows metrics is the admin server's.
import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { Env } from "../base/env.ts";
import { invariant } from "../base/invariant.ts";
import { within } from "../base/within.ts";
import type { Transport } from "../core/byte-stream.ts";
import type { SendDatagrams } from "../core/datagrams.ts";
import { parseEndpoint } from "../core/endpoint-text.ts";
import { addressText, type SocketAddress } from "../core/socket-address.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { RecentRequests } from "../exporters/recent-requests/ring.ts";
import { StatsdPusher } from "../exporters/statsd/pusher.ts";
import { writesTraces } from "../exporters/tracelog/writer.ts";
import { zipkinHttp } from "../exporters/zipkin/http.ts";
import { SpanQueue } from "../exporters/zipkin/queue.ts";
import { zipkinScribe } from "../exporters/zipkin/scribe.ts";
import type { SendBatch } from "../exporters/zipkin/sending.ts";
import type { Log } from "../telemetry/log.ts";
import type { Scope } from "../telemetry/registry.ts";
import { type Sampler, wants } from "../telemetry/sampling.ts";
import type { TracedRequest } from "../telemetry/traced-request.ts";
import type { MetricsTree } from "../telemetry/tree.ts";
import type { TelemeterConfig } from "./config.ts";

/** What telemeters stand on. */
export interface TelemeterWorld {
  readonly env: Env;
  readonly log: Log;
  /** For figures of their own. */
  readonly scope: Scope;
  /** Of all event loops together. */
  readonly metrics: () => Promise<MetricsTree>;
  readonly transport: Transport;
}

/** One that runs. */
interface Running {
  readonly config: TelemeterConfig;
  /** Which requests it wants to know of; null for those of metrics. */
  readonly sampler: Sampler | null;
  /** Takes one of them. */
  readonly take?: (request: TracedRequest) => void;
  /** So many that it may have wanted are lost. */
  readonly missed?: (count: number) => void;
  readonly recent?: RecentRequests;
  /** Sends what is left, waiting no longer than this. */
  close(graceMs: number): Promise<void>;
}

type Opened = Omit<Running, "config" | "sampler">;

function samplerOf(config: TelemeterConfig): Sampler | null {
  switch (config.kind) {
    case "io.l5d.recentRequests":
      return { rate: config.sampleRate, decides: false, ofAll: true };
    case "io.l5d.tracelog":
      return { rate: config.sampleRate, decides: false, ofAll: false };
    case "io.l5d.zipkin":
      return { rate: config.sampleRate, decides: true, ofAll: false };
    case "io.zipkin.http":
      return { rate: config.initialSampleRate, decides: true, ofAll: false };
    case "io.l5d.prometheus":
    case "io.l5d.influxdb":
    case "io.l5d.statsd":
      return null;
  }
}

/** The same of all. */
export function samplersOf(configs: readonly TelemeterConfig[]): readonly Sampler[] {
  return configs.flatMap((config) => samplerOf(config) ?? []);
}

/** One that a reload takes away has so long for what is left. */
const LEAVE_MS = 5000;

/** All that the configuration in force asks for. */
export class Telemeters {
  readonly #world: TelemeterWorld;
  #running: readonly Running[] = [];
  /** The first configuration is in force. */
  #begun = false;

  constructor(world: TelemeterWorld) {
    this.#world = world;
  }

  /** From now on these. What is written as before goes on with what it has. */
  follow(configs: readonly TelemeterConfig[]): void {
    const left = [...this.#running];
    this.#running = configs.flatMap((config) => {
      const at = left.findIndex((each) => isDeepStrictEqual(each.config, config));
      if (at >= 0) return left.splice(at, 1);
      return this.#open(config).map((opened) => ({ ...opened, config, sampler: samplerOf(config) }));
    });
    this.#begun = true;
    for (const each of left) void each.close(LEAVE_MS);
  }

  /** A request that some of them want to know of. */
  take(request: TracedRequest): void {
    for (const { sampler, take } of this.#running)
      if (sampler !== null && wants(sampler, request.flags, request.draw)) take?.(request);
  }

  /** So many requests were not told of. */
  missed(count: number): void {
    if (count > 0) for (const { missed } of this.#running) missed?.(count);
  }

  /** The last requests, the latest first; null when no telemeter keeps any. */
  get recent(): readonly TracedRequest[] | null {
    const kept = this.#running.flatMap(({ recent }) => recent ?? []);
    return kept[0]?.list() ?? null;
  }

  /** Sends what is left, waiting at most `graceMs`: those of metrics while all metrics are there, those of requests when there will be no more. */
  async close(what: "metrics" | "requests", graceMs: number): Promise<void> {
    const ending = this.#running.filter(({ sampler }) => (sampler === null) === (what === "metrics"));
    this.#running = this.#running.filter((each) => !ending.includes(each));
    if (ending.length === 0) return;
    const closed = Promise.all(ending.map((each) => each.close(graceMs)));
    await within(this.#world.env.timers, graceMs, closed, undefined);
  }

  #open(config: TelemeterConfig): Opened[] {
    if (config.kind === "io.l5d.prometheus" || config.kind === "io.l5d.influxdb") return [];
    const { env, log, metrics, transport } = this.#world;
    const logger = log.logger(config.kind);
    const scope = this.#world.scope.scope(config.kind);
    switch (config.kind) {
      case "io.l5d.recentRequests": {
        const recent = new RecentRequests(config.capacity);
        return [{ recent, take: (request) => recent.add(request), close: nothing, ...counting(scope) }];
      }
      case "io.l5d.tracelog":
        return [{ take: writesTraces(logger, config.level), close: nothing, ...counting(scope) }];
      case "io.l5d.statsd": {
        const parts = { env, metrics, spec: config, send: sendDatagrams, late: this.#begun };
        const pusher = new StatsdPusher({ ...parts, logger, scope });
        return [{ close: () => pusher.close() }];
      }
      case "io.zipkin.http": {
        const place = placeIn(config.host);
        return [this.#zipkin(config.kind, place, zipkinHttp(config, place, { env, transport, lookUp }))];
      }
      case "io.l5d.zipkin":
        return [this.#zipkin(config.kind, config, zipkinScribe(config, { env, transport, lookUp }))];
    }
  }

  #zipkin(kind: string, place: SocketAddress, send: SendBatch): Opened {
    const { env, log } = this.#world;
    const scope = this.#world.scope.scope(kind);
    const queue = new SpanQueue({ env, logger: log.logger(kind), scope, send, place: addressText(place) });
    return {
      take: (request) => queue.add(request),
      close: (graceMs) => queue.close(graceMs),
      ...counting(scope),
    };
  }
}

function counting(scope: Scope): Pick<Running, "missed"> {
  const dropped = scope.counter("dropped");
  return { missed: (count) => dropped.add(count) };
}

async function nothing(): Promise<void> {}

/** The schema takes nothing else. */
function placeIn(host: string): SocketAddress {
  const parsed = parseEndpoint(host);
  invariant(!(parsed instanceof SyntaxProblem) && parsed.port !== null, "the schema takes host:port only");
  return { host: parsed.host, port: parsed.port };
}

/** Whoever sends none pays nothing for it. */
const sendDatagrams: SendDatagrams = async (host, port, datagrams) => {
  const node = await import("../transport/node/datagrams.ts");
  return node.sendDatagrams(host, port, datagrams);
};

const lookUp = async (host: string): Promise<void> => {
  if (isIP(host) !== 0) return;
  const node = await import("../transport/node/aside-lookup.ts");
  await node.lookUpAside(host);
};
