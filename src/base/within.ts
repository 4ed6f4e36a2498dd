// Waiting, but not for ever.
import type { Timers } from "./timers.ts";

/** What `awaited` becomes, or `late` when that takes longer than `limitMs`; it goes on then, and nobody hears of it. Rejects as it does. */
export async function within<T, L>(
  timers: Timers,
  limitMs: number,
  awaited: T | PromiseLike<T>,
  late: L,
): Promise<T | L> {
  const { promise, resolve } = Promise.withResolvers<L>();
  using _limit = timers.after(limitMs, () => resolve(late));
  return await Promise.race([awaited, promise]);
}
