// From what every single request met to the figures of one run.
import { quantile } from "../load/statistics.ts";
import { CROSSED } from "./callers.ts";
import type { Asked } from "./offer.ts";
import { isWrite, type Timeline } from "./plan.ts";

/** What one proxy made of one scenario. */
export interface Figures {
  readonly offered: number;
  /** Shares of the requests that were answered well. */
  readonly success: { readonly all: number; readonly faulty: number };
  /** Latency before the fault and during it, failures included: who waits for one waits, too. */
  readonly before: Latency;
  readonly faulty: Latency;
  /** Requests that backends saw for each request due during the fault. */
  readonly amplification: number;
  /** Writes that backends saw more than once. */
  readonly doubledWrites: number;
  /** Answers with the id of another request. */
  readonly crossed: number;
  /** From the fault's begin until 99 % succeeded for a second; null when that was not before its end. */
  readonly backMs: number | null;
  /** From the fault's end until 99 % succeeded for a second and its p99 was at most half again that before the fault; null for never. */
  readonly recoveredMs: number | null;
  /** What went wrong, and how often. */
  readonly problems: Readonly<Record<string, number>>;
  /** Success per half second. */
  readonly course: readonly number[];
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export const COURSE_STEP_MS = 500;
const WELL = 0.99;
const SLOWER_AT_MOST = 1.5;
const WINDOW_MS = 1000;
const STEP_MS = 100;

/** @param seen how often the backends saw the n-th request. */
export function figuresOf(asked: readonly Asked[], seen: readonly number[], timeline: Timeline): Figures {
  const { endMs, faultMs, mendedMs } = timeline;
  const faulty = between(asked, faultMs, mendedMs);
  const before = latencyOf(between(asked, 0, faultMs));
  const isDue = (_: number, index: number): boolean => {
    const due = asked[index]?.dueMs ?? -1;
    return due >= faultMs && due < mendedMs;
  };
  const calm = (window: readonly Asked[]): boolean =>
    successOf(window) >= WELL && latencyOf(window).p99Ms <= SLOWER_AT_MOST * before.p99Ms;
  return {
    offered: asked.length,
    success: { all: rounded(successOf(asked), 5), faulty: rounded(successOf(faulty), 5) },
    before,
    faulty: latencyOf(faulty),
    amplification: rounded(sum(seen.filter(isDue)) / faulty.length, 3),
    doubledWrites: seen.filter((count, index) => count > 1 && isWrite(index)).length,
    crossed: asked.filter(({ problem }) => problem === CROSSED).length,
    backMs: firstWindow(asked, faultMs, mendedMs, (window) => successOf(window) >= WELL),
    recoveredMs: firstWindow(asked, mendedMs, endMs, calm),
    problems: tally(asked),
    course: steps(0, endMs, COURSE_STEP_MS).map((at) => rounded(successOf(between(asked, at, at + COURSE_STEP_MS)), 3)),
  };
}

function between(asked: readonly Asked[], fromMs: number, toMs: number): readonly Asked[] {
  return asked.filter(({ dueMs }) => dueMs >= fromMs && dueMs < toMs);
}

function successOf(asked: readonly Asked[]): number {
  return asked.filter(({ problem }) => problem === "").length / asked.length;
}

function latencyOf(asked: readonly Asked[]): Latency {
  const latencies = asked.map(({ latencyMs }) => latencyMs);
  return { p50Ms: rounded(quantile(latencies, 0.5), 1), p99Ms: rounded(quantile(latencies, 0.99), 1) };
}

/** How long after `fromMs` the first whole second before `toMs` begins that is as wished. */
function firstWindow(
  asked: readonly Asked[],
  fromMs: number,
  toMs: number,
  isWished: (window: readonly Asked[]) => boolean,
): number | null {
  const at = steps(fromMs, toMs - WINDOW_MS + 1, STEP_MS).find((start) =>
    isWished(between(asked, start, start + WINDOW_MS)),
  );
  return at === undefined ? null : at - fromMs;
}

function steps(from: number, to: number, by: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / by)) }, (_, i) => from + i * by);
}

function tally(asked: readonly Asked[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { problem } of asked) if (problem !== "") counts[problem] = (counts[problem] ?? 0) + 1;
  return counts;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
