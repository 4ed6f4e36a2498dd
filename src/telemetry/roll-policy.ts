// When a new log file is begun, and what the old one is called then: as the FileHandler of Twitter's util-logging has it, in the local
// time of the machine.
import { basename, extname } from "node:path";

/** When a new file is begun. */
export type RollPolicy =
  | { readonly at: "never" }
  | { readonly at: "hourly" }
  | { readonly at: "daily" }
  /** At the beginning of a day of the week, 0 = Sunday. */
  | { readonly at: "weekly"; readonly day: number }
  /** Before the line that would make the file larger. */
  | { readonly at: "size"; readonly maxBytes: number };

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const HOUR_MS = 3_600_000;

/** `never`, `hourly`, `daily`, `weekly(n)` with 1 = Sunday, or a size such as `3.megabytes`; null for anything else. */
export function parseRollPolicy(text: string): RollPolicy | null {
  const word = text.toLowerCase();
  if (word === "never" || word === "hourly" || word === "daily") return { at: word };
  const day = /^weekly\(([1-7])\)$/.exec(word)?.[1];
  if (day !== undefined) return { at: "weekly", day: Number(day) - 1 };
  const [, count, unit = ""] = /^(\d+)\.([a-z]+?)s?$/.exec(word) ?? [];
  const maxBytes = Number(count) * 1024 ** UNITS.indexOf(unit);
  const isSize = UNITS.includes(unit) && maxBytes >= 1 && Number.isSafeInteger(maxBytes);
  return isSize ? { at: "size", maxBytes } : null;
}

/** The end of the period that a moment belongs to: its lines go into one file. Infinite where time does not matter. */
export function periodEndMs(policy: RollPolicy, epochMs: number): number {
  const date = new Date(epochMs);
  switch (policy.at) {
    case "never":
    case "size":
      return Number.POSITIVE_INFINITY;
    case "hourly":
      // In elapsed time, so that the hour which a clock change repeats is two periods.
      return hourStartMs(epochMs) + HOUR_MS;
    case "daily":
      return dayStartMs(date, 1);
    case "weekly":
      return dayStartMs(date, ((policy.day - date.getDay() + 6) % 7) + 1);
  }
}

/** `Date.setMinutes` would go to the first of two equal hours. */
function hourStartMs(epochMs: number): number {
  const date = new Date(epochMs);
  return epochMs - ((date.getMinutes() * 60 + date.getSeconds()) * 1000 + date.getMilliseconds());
}

/** Midnight, so many days later; not a multiple of 24 hours where clocks change. */
function dayStartMs(date: Date, days: number): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** How rolled files of one path are called: `access.log` becomes `access-20261129.log`. */
export class RolledNames {
  readonly #policy: RollPolicy;
  readonly #stem: string;
  readonly #extension: string;

  constructor(path: string, policy: RollPolicy) {
    const name = basename(path);
    this.#policy = policy;
    this.#extension = extname(name);
    this.#stem = name.slice(0, name.length - this.#extension.length);
  }

  /** The name of a file that was begun at a moment. @param taken names that exist; none of them is given again */
  nameFor(begunMs: number, taken: readonly string[]): string {
    const stamped = `${this.#stem}-${stamp(this.#policy, new Date(begunMs))}`;
    for (let again = 0; ; again++) {
      const name = `${stamped}${again === 0 ? "" : `.${again}`}${this.#extension}`;
      if (!taken.includes(name)) return name;
    }
  }

  /** Those of some names that are of rolled files, the oldest first. Nothing is taken for one that was not called so here. */
  among(names: readonly string[]): string[] {
    const parsed = names.flatMap((name) => {
      if (!name.startsWith(`${this.#stem}-`) || !name.endsWith(this.#extension)) return [];
      const between = name.slice(this.#stem.length + 1, name.length - this.#extension.length);
      const [, date, again = "0"] = STAMPS[this.#policy.at].exec(between) ?? [];
      return date === undefined ? [] : [{ name, date, again: Number(again) }];
    });
    return parsed.sort((a, b) => compared(a.date, b.date) || a.again - b.again).map(({ name }) => name);
  }
}

/** What stands between stem and extension: when the file was begun, and a number if that is not enough to tell two apart. */
const STAMPS: Readonly<Record<RollPolicy["at"], RegExp>> = {
  never: /^(\d{4})(?:\.([1-9]\d*))?$/,
  hourly: /^(\d{8}-\d{2})(?:\.([1-9]\d*))?$/,
  daily: /^(\d{8})(?:\.([1-9]\d*))?$/,
  weekly: /^(\d{8})(?:\.([1-9]\d*))?$/,
  size: /^(\d{8}-\d{6})(?:\.([1-9]\d*))?$/,
};

function stamp(policy: RollPolicy, date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const year = String(date.getFullYear());
  const day = `${year}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  switch (policy.at) {
    case "never":
      return year;
    case "hourly":
      return `${day}-${two(date.getHours())}`;
    case "daily":
    case "weekly":
      return day;
    case "size":
      return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  }
}

function compared(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
