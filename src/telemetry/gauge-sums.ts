// What gauges of several event loops come to. Most say how much there is of something in each, and are added up; some say what all loops
// know of the same thing, and adding them up would count it several times.

/** Places whose gauges tell of the same endpoints, whoever is asked. */
const SHARED_PLACES: ReadonlySet<string> = new Set([
  "endpoints",
  "loadbalancer",
  "algorithm",
  "failfast",
  "health_check",
]);
/** Elsewhere: states, times and limits that hold for each loop. */
const SHARED_GAUGES: ReadonlySet<string> = new Set(["originator", "min_rtt_ms"]);
/** In shared places: what each loop has for itself. */
const OWN_GAUGES: ReadonlySet<string> = new Set(["load"]);
/** Shares of one: the loop that does worst is the one to know of. */
const RATIOS: ReadonlySet<string> = new Set(["ema_value"]);

/** @param above the name of the place that the gauge stands in. @param values at least one. */
export function gaugeOfAll(above: string, name: string, values: readonly number[]): number {
  if (RATIOS.has(name)) return Math.min(...values);
  if (SHARED_GAUGES.has(name) || (SHARED_PLACES.has(above) && !OWN_GAUGES.has(name))) return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0);
}
