// A constant rate, whatever becomes of the requests: open loop, and a request's time counts from the moment it was due.
import type { Caller } from "./callers.ts";
import { isWrite } from "./plan.ts";

/** One request that was due. */
export interface Asked {
  readonly dueMs: number;
  readonly latencyMs: number;
  /** Empty when it was answered well. */
  readonly problem: string;
}

export interface Offered {
  readonly rate: number;
  readonly forMs: number;
  /** Put before the number of a request to make its id. */
  readonly prefix: string;
}

/** Offers requests and answers when the last of them is over; the n-th entry is the n-th request. */
export async function offer(caller: Caller, { forMs, prefix, rate }: Offered): Promise<Asked[]> {
  const total = Math.round((forMs / 1000) * rate);
  const startedMs = performance.now();
  const pending: Promise<Asked>[] = [];
  const ask = async (index: number): Promise<Asked> => {
    const dueMs = (index * 1000) / rate;
    const problem = await caller.ask(`${prefix}${index}`, isWrite(index));
    return { dueMs, latencyMs: performance.now() - startedMs - dueMs, problem };
  };
  await new Promise<void>((done) => {
    const next = (): void => {
      const dueCount = Math.min(total, Math.floor(((performance.now() - startedMs) / 1000) * rate) + 1);
      while (pending.length < dueCount) pending.push(ask(pending.length));
      if (pending.length === total) return done();
      setTimeout(next, Math.max(0, (pending.length * 1000) / rate - (performance.now() - startedMs)));
    };
    next();
  });
  return Promise.all(pending);
}
