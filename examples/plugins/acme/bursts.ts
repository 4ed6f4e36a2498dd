// An accrual policy: an endpoint is dead when it fails often within a short time.
import { backoff, counter, defineAccrual, int, STAY } from "fairlead/plugin";

export const bursts = defineAccrual({
  doc: "Dead after so many failures within a time.",
  keys: {
    failures: int({ doc: "How many failures.", default: 3, min: 1, unit: "requests" }),
    withinMs: int({ doc: "Within which time.", default: 1000, min: 1, unit: "ms" }),
    backoff,
  },
  metrics: { bursts: counter("Times an endpoint failed often enough to be dead.") },

  make({ failures, withinMs, backoff: configured }, { backoff: deadFor, metrics }) {
    const times = deadFor(configured);
    let sinceMs = 0;
    let count = 0;
    return {
      succeeded: () => undefined,
      failed(nowMs) {
        if (count === 0 || nowMs - sinceMs > withinMs) {
          sinceMs = nowMs;
          count = 0;
        }
        if (++count < failures) return STAY;
        metrics.bursts.inc();
        return times.next();
      },
      spared: () => times.reset(),
      revived() {
        count = 0;
        times.reset();
      },
    };
  },
});
