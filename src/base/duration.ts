// Lengths of time for people to read.

const UNITS = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
] as const;

/**
 * A length as a person would write it: `340 µs`, `12 ms`, `1.5 s`, `2 min 5 s`, `3 h`, `4 d 2 h`.
 * At most two units and about three significant digits: for logs, pages and messages, not for machines.
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return Number.isNaN(ms) ? "unknown" : "for ever";
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < 59_950) return formatSmall(ms);
  const seconds = Math.round(ms / 1000);
  for (const unit of UNITS) {
    const unitSeconds = unit.ms / 1000;
    if (seconds >= unitSeconds) return withRest(seconds, unitSeconds, unit.name);
  }
  return `${seconds} s`;
}

function formatSmall(ms: number): string {
  if (ms === 0) return "0 ms";
  if (ms < 0.9995) return `${digits(ms * 1000)} µs`;
  return ms < 999.5 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
}

/** Three significant digits, without trailing zeros. */
function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The whole part in `name`, and what is left in the next smaller unit, unless that rounds to nothing. */
function withRest(seconds: number, unitSeconds: number, name: string): string {
  const [smaller, smallerSeconds] = name === "d" ? ["h", 3600] : name === "h" ? ["min", 60] : ["s", 1];
  const inSmaller = Math.round(seconds / smallerSeconds);
  const perUnit = unitSeconds / smallerSeconds;
  const rest = inSmaller % perUnit;
  const whole = `${Math.floor(inSmaller / perUnit)} ${name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smaller}`;
}
