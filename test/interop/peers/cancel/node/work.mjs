// 60 steps of 50 ms, or fewer when nobody wants it any more.
import { setTimeout as sleep } from "node:timers/promises";

function say(id, what) {
  console.log(id, what, Date.now());
}

/** @param whenLeft gets a function to call when the caller has left. */
export async function work(id, whenLeft) {
  say(id, "begun");
  const unwanted = new AbortController();
  whenLeft(() => {
    if (unwanted.signal.aborted) return;
    say(id, "told");
    unwanted.abort();
  });
  try {
    for (let step = 0; step < 60; step++) await sleep(50, undefined, { signal: unwanted.signal });
  } catch {
    // It was told.
  }
  say(id, "ended");
}
