// What a worker thread and control say to each other besides the messages of the thread border: plain values only.
import type { ToControl, ToData } from "../core/border.ts";
import type { Sampler } from "../telemetry/sampling.ts";
import type { Snapshot } from "../telemetry/snapshot.ts";
import type { TracedRequest } from "../telemetry/traced-request.ts";
import type { WorkerSocket } from "../transport/node/inherited-sockets.ts";
import type { Level } from "../telemetry/log.ts";
import type { Trip } from "./data-plane.ts";
import type { Identified } from "./identify.ts";
import type { RouterPlan } from "./router.ts";
import type { RouterDump } from "./router-dump.ts";
import type { Share } from "./share.ts";

/** What a thread is started with. */
export interface WorkerStart {
  readonly index: number;
  readonly share: Share;
  readonly levels: readonly { readonly name: string; readonly level: Level }[];
  /** Listening sockets that another process has handed over, for a worker of this number. */
  readonly inherited: readonly WorkerSocket[];
  /** Where compiled code is kept; empty for nowhere. */
  readonly compileCache: string;
}

/** Ports that another worker chose where the configuration leaves it to the system, by the place of the server. */
export type ChosenPorts = Readonly<Record<string, number>>;

/** An endpoint that the failure accrual of one worker took out. */
export interface Tripped extends Trip {
  readonly type: "tripped";
}

export type ToWorker =
  | ToData
  | Tripped
  | {
      /** `commit` or `drop` follows. */
      readonly type: "prepare";
      readonly question: number;
      readonly plans: readonly RouterPlan[];
      readonly ports: ChosenPorts;
    }
  | { readonly type: "share"; readonly share: Share }
  | { readonly type: "trace"; readonly samplers: readonly Sampler[] }
  | { readonly type: "level"; readonly name: string; readonly level: Level }
  | { readonly type: "commit" | "drop" | "metrics" | "routers" | "sockets"; readonly question: number }
  | { readonly type: "identify"; readonly question: number; readonly head: string }
  | { readonly type: "drain"; readonly question: number; readonly patienceMs: number }
  | { readonly type: "leave" | "step-aside" }
  | { readonly type: "abandon"; readonly graceMs: number }
  | { readonly type: "close"; readonly question: number };

/** An error as it crosses the border: what `portProblem` and people look at. */
export interface PlainError {
  readonly message: string;
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
  readonly reason?: string;
}

export type FromWorker =
  | { readonly type: "control"; readonly message: ToControl }
  | Tripped
  | { readonly type: "closed"; readonly key: string }
  | { readonly type: "log"; readonly line: string }
  /** Lines of an access log. */
  | {
      readonly type: "lines";
      readonly path: string;
      readonly text: Uint8Array;
      readonly lines: number;
      readonly epochMs: number;
    }
  /** Requests that are over, and how many there were besides. */
  | { readonly type: "traced"; readonly requests: readonly TracedRequest[]; readonly dropped: number }
  | { readonly type: "pulse"; readonly active: number; readonly metrics: Snapshot | null }
  | { readonly type: "answer"; readonly question: number; readonly value: Answer }
  | { readonly type: "failed"; readonly question: number; readonly error: PlainError };

/** What questions are answered with. */
export type Answer =
  | { readonly to: "prepare"; readonly ports: ChosenPorts }
  | { readonly to: "metrics"; readonly tree: Snapshot }
  | { readonly to: "routers"; readonly dumps: readonly RouterDump[] }
  | { readonly to: "identify"; readonly names: readonly Identified[] }
  | { readonly to: "sockets"; readonly sockets: readonly WorkerSocket[] }
  | { readonly to: "commit" | "drop" | "drain" | "close" };

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message } = error;
  const kept: Record<string, unknown> = { message };
  for (const key of ["code", "address", "port", "path", "reason"]) {
    const value: unknown = Reflect.get(error, key);
    if (typeof value === "string" || typeof value === "number") kept[key] = value;
  }
  return kept as unknown as PlainError; // made of those keys only
}
