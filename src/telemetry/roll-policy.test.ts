import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { parseRollPolicy, periodEndMs, RolledNames } from "./roll-policy.ts";

test.for([
  ["never", { at: "never" }],
  ["Hourly", { at: "hourly" }],
  ["DAILY", { at: "daily" }],
  ["weekly(1)", { at: "weekly", day: 0 }],
  ["Weekly(7)", { at: "weekly", day: 6 }],
  ["3.megabytes", { at: "size", maxBytes: 3 * 1024 ** 2 }],
  ["1.byte", { at: "size", maxBytes: 1 }],
  ["10.kilobytes", { at: "size", maxBytes: 10_240 }],
  ["1.gigabyte", { at: "size", maxBytes: 1024 ** 3 }],
  ["2.terabytes", { at: "size", maxBytes: 2 * 1024 ** 4 }],
] as const)("%s is a policy", ([text, policy]) => {
  expect(parseRollPolicy(text)).toEqual(policy);
});

test.for([
  "",
  "monthly",
  "weekly",
  "weekly(0)",
  "weekly(8)",
  "weekly(1)x",
  "3",
  "3.lightyears",
  "0.bytes",
  "-1.bytes",
  "1.5.megabytes",
  "3 megabytes",
  "99999999.terabytes",
  "sighup",
])("%j is none", (text) => {
  expect(parseRollPolicy(text)).toBeNull();
});

/** Local time, as everything here. */
const at = (month: number, day: number, hour = 0, minute = 0, second = 0) =>
  new Date(2026, month - 1, day, hour, minute, second).getTime();

test("A period ends with the hour, the day, or before the day of the week that was asked for", () => {
  const moment = at(11, 29, 6, 18, 31) + 123; // a Sunday
  expect(periodEndMs({ at: "never" }, moment)).toBe(Number.POSITIVE_INFINITY);
  expect(periodEndMs({ at: "size", maxBytes: 1 }, moment)).toBe(Number.POSITIVE_INFINITY);
  expect(periodEndMs({ at: "hourly" }, moment)).toBe(at(11, 29, 7));
  expect(periodEndMs({ at: "daily" }, moment)).toBe(at(11, 30));
  expect(periodEndMs({ at: "daily" }, at(11, 30))).toBe(at(12, 1));
  expect(periodEndMs({ at: "weekly", day: 0 }, moment)).toBe(at(12, 6));
  expect(periodEndMs({ at: "weekly", day: 1 }, moment)).toBe(at(11, 30));
  expect(periodEndMs({ at: "weekly", day: 6 }, moment)).toBe(at(12, 5));
});

test("Where clocks change a day has 23 or 25 hours, and the hour that comes twice is two periods", () => {
  const module = JSON.stringify(pathToFileURL(resolve("src/telemetry/roll-policy.ts")).href);
  const program = `import { periodEndMs } from ${module};
    const days = ["2026-03-08T12:00:00Z", "2026-11-01T12:00:00Z"].map((day) => new Date(periodEndMs({ at: "daily" }, Date.parse(day))));
    const hours = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"].map((hour) => new Date(periodEndMs({ at: "hourly" }, Date.parse(hour))));
    console.log(JSON.stringify([...days, ...hours]));`;
  const options = { env: { ...process.env, TZ: "America/New_York" }, encoding: "utf8" } as const;
  const printed = execFileSync(process.execPath, ["--input-type=module", "-e", program], options);
  expect(JSON.parse(printed)).toEqual([
    "2026-03-09T04:00:00.000Z",
    "2026-11-02T05:00:00.000Z",
    "2026-11-01T06:00:00.000Z",
    "2026-11-01T07:00:00.000Z",
  ]);
});

test("A rolled file has the moment at which it was begun in its name, and never the name of another", () => {
  const begun = at(1, 2, 3, 4, 5);
  const named = (path: string, policy: string, taken: readonly string[] = []) =>
    new RolledNames(path, parseRollPolicy(policy) ?? expect.fail("no policy")).nameFor(begun, taken);
  expect(named("/var/log.d/access.log", "daily")).toBe("access-20260102.log");
  expect(named("access.log", "weekly(3)")).toBe("access-20260102.log");
  expect(named("access.log", "hourly")).toBe("access-20260102-03.log");
  expect(named("access.log", "3.megabytes")).toBe("access-20260102-030405.log");
  expect(named("/var/log.d/access", "daily")).toBe("access-20260102");
  expect(named("/var/.hidden", "daily")).toBe(".hidden-20260102");
  expect(named("a.log", "daily", ["a-20260102.log", "a-20260102.1.log"])).toBe("a-20260102.2.log");
});

test("Rolled files are told from others by their whole name, and sorted by when they were begun", () => {
  const names = new RolledNames("/logs/access.log", { at: "daily" });
  const rolled = ["access-20251231.log", "access-20260101.log", "access-20260101.2.log", "access-20260101.10.log"];
  const others = [
    "access.log",
    "access-errors.log",
    "access-20260101.log.gz",
    "access-20260101-03.log",
    "access-2026.log",
    "my-access-20260101.log",
    "access-20260101.0.log",
    "access-20260101",
    "access-.log",
    "access-20260101-030405.log",
  ];
  expect(names.among([...others, ...rolled.toReversed()])).toEqual(rolled);
});
