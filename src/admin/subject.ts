// What the admin server looks at. Plain values and questions: it stands on no router, so that with several event loops the
// answers may come from elsewhere.
import type { Env } from "../base/env.ts";
import type { Json } from "../config/node.ts";
import type { Dtab } from "../core/dtab.ts";
import type { FilterView } from "../core/filter.ts";
import type { NameInterpreter } from "../naming/interpreter.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import type { ClientDump, ClientStackDump, PathStackDump } from "../router/dump.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricDoc } from "../telemetry/names.ts";
import type { TracedRequest } from "../telemetry/traced-request.ts";
import type { MetricsTree } from "../telemetry/tree.ts";

/** One listener of a router. */
export interface ServerSubject {
  /** `ip:port`, the port it really has. */
  readonly address: string;
  readonly filters: readonly FilterView[];
}

/** One router. */
export interface RouterSubject {
  readonly label: string;
  readonly protocol: string;
  readonly interpreter: NameInterpreter;
  /** The base delegation table in force; undefined until there is one. */
  dtab(): Dtab | undefined;
  /** Why there is none, as far as is known. */
  dtabProblem(): string | undefined;
  readonly servers: readonly ServerSubject[];
  /** The bound names that have a client at the moment. */
  clientIds(): readonly string[];
  client(id: string): ClientDump | undefined;
  pathStacks(): Iterable<PathStackDump>;
  clientStacks(): Iterable<ClientStackDump>;
}

/** What a router makes of a request: a name and the rules it is resolved by, or why it has none. */
export type NamedRequest =
  | { readonly label: string; readonly path: string; readonly dtab: string }
  | { readonly label: string; readonly error: string };

/** Where metrics are served in the text format of Prometheus. */
export interface PrometheusSettings {
  readonly path: string;
  readonly prefix: string;
}

/** What telemeters show on this port. */
export interface TelemetersSubject {
  /** Metrics for InfluxDB. */
  readonly influxdb: boolean;
  /** The last requests of a sample, the latest first; null when none are kept. */
  readonly recent: (() => readonly TracedRequest[]) | null;
}

/** One of several event loops. */
export interface WorkerSubject {
  readonly index: number;
  readonly state: "starting" | "serving" | "gone";
  /** How often it had to be replaced. */
  readonly restarts: number;
  /** Requests in progress. */
  readonly active: number;
}

/** Whether requests should be sent here. */
export interface Readiness {
  readonly ready: boolean;
  /** One line for people. */
  readonly detail: string;
}

/** What became of an access log file that was to be opened again. */
export interface ReopenedFile {
  readonly path: string;
  readonly reopened: boolean;
}

/** What became of a wish to read the configuration file again. */
export type ReloadResult =
  | { readonly at: "unchanged" }
  | { readonly at: "reloaded"; readonly tookMs: number }
  /** What was in force before, still is. */
  | { readonly at: "refused"; readonly message: string };

/** What became of a wish to put a new process in the place of this one. */
export type RestartResult =
  | { readonly at: "serving"; readonly pid: number }
  | { readonly at: "failed"; readonly message: string };

/** A running proxy, as the admin server sees it. */
export interface Subject {
  readonly version: string;
  readonly env: Env;
  readonly log: Log;
  /** Of all event loops together, or of one. */
  metrics(worker?: number): Promise<MetricsTree>;
  /** What plug-ins count, besides the catalogue. */
  readonly declared: readonly MetricDoc[];
  /** Empty when there is only one event loop. */
  workers(): readonly WorkerSubject[];
  /** Ends one at once; another takes its place. False if there is none of this number. */
  endWorker(index: number): boolean;
  /** The configuration file as it was written, variables unexpanded. */
  readonly config: Json;
  readonly prometheus: readonly PrometheusSettings[];
  readonly telemeters: TelemetersSubject;
  readonly namers: NamerTable;
  routers(): Promise<readonly RouterSubject[]>;
  /** What every router of HTTP would call a request with this head. */
  identify(head: string): Promise<readonly NamedRequest[]>;
  readiness(): Readiness;
  /** Opens the access log files anew by their paths. */
  reopenAccessLogs(): Promise<readonly ReopenedFile[]>;
  /** Reads the configuration file again; null where there is none. */
  reload(): Promise<ReloadResult | null>;
  /** Puts a new process in the place of this one; null where that is not possible. */
  restart(): Promise<RestartResult | null>;
  /** Begins to stop. Returns how long that may take, in milliseconds. */
  shutDown(): number;
}
