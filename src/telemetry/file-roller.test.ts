import { expect, test } from "vitest";
import fc from "fast-check";
import { FakeLogDisk } from "../../test/support/fake-log-disk.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { LineWriter, type LineWriterFile } from "./line-writer.ts";
import { Log } from "./log.ts";
import { MetricsRegistry } from "./registry.ts";
import { parseRollPolicy } from "./roll-policy.ts";

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** Sunday, 29 November 2026, a quarter past ten, local time. */
const START_MS = new Date(2026, 10, 29, 10, 15).getTime();

function scene(policy: string, more: Partial<LineWriterFile> = {}, before: Record<string, string> = {}, ageMs = 0) {
  const env = new ManualEnv(START_MS);
  const disk = new FakeLogDisk("a.log", () => env.clock.epochMs());
  for (const [name, text] of Object.entries(before)) disk.files.set(name, { text, writtenMs: START_MS - ageMs });
  const registry = new MetricsRegistry(env);
  const told: string[] = [];
  const logger = new Log(env.clock, (line) => void told.push(line)).logger("access-log");
  const [dropped, errors, rollErrors] = ["dropped", "errors", "roll_errors"].map((name) => registry.root.counter(name));
  if (dropped === undefined || errors === undefined || rollErrors === undefined)
    expect.fail("there are three counters");
  const file = { policy: parseRollPolicy(policy) ?? expect.fail(policy), keep: -1, append: true, ...more };
  const writer = new LineWriter({ path: "/logs/a.log", file, env, logger, dropped, errors, rollErrors, files: disk });
  const write = (text: string) => writer.append(Buffer.from(`${text}\n`), text.length + 1, env.clock.epochMs());
  return { env, disk, told, errors, rollErrors, writer, write };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("A file that is never rolled stays one", async () => {
  const { env, disk, write, writer } = scene("never");
  write("one");
  env.advance(400 * 24 * HOUR_MS);
  write("two");
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a.log": "one\ntwo\n" });
});

test("Each hour has its file, by the time of the lines, also when they are written later and in one go", async () => {
  const { env, disk, write, writer } = scene("hourly");
  env.advance(45 * 60 * SECOND_MS - 100);
  write("10:59:59.9");
  env.advance(100);
  write("11:00");
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a-20261129-10.log": "10:59:59.9\n", "a.log": "11:00\n" });
  expect(disk.handles).toBe(0);
});

test("A file is rolled with the first line after its time, not before", async () => {
  const { env, disk, write, writer } = scene("daily");
  write("sunday");
  env.advance(40 * HOUR_MS);
  await turn();
  expect(Object.keys(disk.texts)).toEqual(["a.log"]);
  write("tuesday");
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a-20261129.log": "sunday\n", "a.log": "tuesday\n" });
});

test("A week ends before the day that was asked for", async () => {
  const { env, disk, write, writer } = scene("weekly(3)"); // Tuesday
  for (const day of ["sunday", "monday", "tuesday", "wednesday"]) {
    write(day);
    env.advance(24 * HOUR_MS);
    await turn();
  }
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a-20261129.log": "sunday\nmonday\n", "a.log": "tuesday\nwednesday\n" });
});

test("No file is larger than was asked for, unless one line is", async () => {
  const { env, disk, write, writer } = scene("10.bytes");
  for (const line of ["1234", "5678", "9", "a line that is too long", "b", "c"]) write(line);
  await writer.close(SECOND_MS);
  expect(Object.values(disk.texts)).toEqual(["9\n", "a line that is too long\n", "1234\n5678\n", "b\nc\n"]);
  const stamp = "a-20261129-101500";
  expect(Object.keys(disk.texts)).toEqual([`${stamp}.1.log`, `${stamp}.2.log`, `${stamp}.log`, "a.log"]);
  expect(env.pendingTimers).toBe(0);
});

test("What a file contained at the start counts, its size and when it was written", async () => {
  const full = scene("10.bytes", {}, { "a.log": "12345678\n" }, 5 * SECOND_MS);
  full.write("9");
  await full.writer.close(SECOND_MS);
  expect(full.disk.texts).toEqual({ "a-20261129-101455.log": "12345678\n", "a.log": "9\n" });
  const old = scene("daily", {}, { "a.log": "yesterday\n" }, 24 * HOUR_MS);
  old.write("today");
  await old.writer.close(SECOND_MS);
  expect(old.disk.texts).toEqual({ "a-20261128.log": "yesterday\n", "a.log": "today\n" });
  const young = scene("daily", {}, { "a.log": "this morning\n" }, HOUR_MS);
  young.write("now");
  await young.writer.close(SECOND_MS);
  expect(young.disk.texts).toEqual({ "a.log": "this morning\nnow\n" });
});

test("Without append a file is emptied at the start, and only then", async () => {
  const { disk, write, writer } = scene("never", { append: false }, { "a.log": "old\n" });
  write("new");
  await turn();
  await writer.reopen();
  write("newer");
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a.log": "new\nnewer\n" });
});

test("Of the rolled files the newest are kept, and nothing else is touched", async () => {
  const others = { "a-errors.log": "", "a-20261101-10.log": "" };
  const { env, disk, write, writer } = scene(
    "daily",
    { keep: 2 },
    { ...others, "a-20261127.log": "", "a-20261126.log": "" },
  );
  for (let day = 0; day < 3; day++) {
    write(`day ${day}`);
    env.advance(24 * HOUR_MS);
    await turn();
  }
  await writer.close(SECOND_MS);
  expect(Object.keys(disk.texts)).toEqual([
    "a-20261101-10.log",
    "a-20261129.log",
    "a-20261130.log",
    "a-errors.log",
    "a.log",
  ]);
});

test("Where none is to be kept, the rolled file goes at once", async () => {
  const { disk, write, writer } = scene("5.bytes", { keep: 0 });
  for (const line of ["1234", "5678"]) write(line);
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ "a.log": "5678\n" });
});

test("A file that cannot be renamed is written on, told once, counted, and tried again after a minute", async () => {
  const { env, disk, told, errors, rollErrors, write, writer } = scene("10.bytes");
  disk.broken.rename = new Error("EACCES: permission denied, rename");
  for (let i = 0; i < 10; i++) write(`line ${i}`);
  env.advance(SECOND_MS);
  await turn();
  expect(disk.texts["a.log"]?.split("\n").length).toBe(11);
  expect({ renames: disk.renames, counted: rollErrors.value, errors: errors.value }).toEqual({
    renames: 1,
    counted: 1,
    errors: 0,
  });
  env.advance(60 * SECOND_MS);
  write("line 10");
  env.advance(SECOND_MS);
  await turn();
  expect(rollErrors.value).toBe(2);
  expect(told).toEqual([expect.stringContaining("/logs/a.log cannot be rolled (EACCES: permission denied, rename)")]);
  delete disk.broken.rename;
  env.advance(60 * SECOND_MS);
  write("line 11");
  await writer.close(SECOND_MS);
  expect(disk.texts["a.log"]).toBe("line 11\n");
  expect(told[1]).toContain("/logs/a.log is rolled again");
});

test("Rolled files that cannot be removed are counted, and lines go into the new file", async () => {
  const { disk, told, rollErrors, write, writer } = scene("5.bytes", { keep: 0 });
  disk.broken.remove = new Error("EPERM");
  for (const line of ["1234", "5678", "9012"]) write(line);
  await writer.close(SECOND_MS);
  expect(disk.texts["a.log"]).toBe("9012\n");
  expect(rollErrors.value).toBe(2);
  expect(told.length).toBe(1);
  expect(told[0]).toContain("/logs/a.log was rolled, but older files cannot be removed (EPERM)");
});

test("A file that another program moved away or emptied meanwhile is not rolled", async () => {
  const { env, disk, write, writer } = scene("10.bytes");
  const flush = async () => {
    env.advance(500);
    await turn();
  };
  write("12345678");
  await flush();
  disk.files.set("moved", disk.files.get("a.log") ?? expect.fail("there is a file"));
  disk.files.delete("a.log");
  write("abcdefgh");
  await flush();
  expect(disk.texts).toEqual({ moved: "12345678\n", "a.log": "abcdefgh\n" });
  (disk.files.get("a.log") ?? expect.fail("there is a file")).text = "";
  write("ABCDEFGH");
  await writer.close(SECOND_MS);
  expect(disk.texts).toEqual({ moved: "12345678\n", "a.log": "ABCDEFGH\n" });
  expect(disk.renames).toBe(0);
});

test("A clock that is put back rolls nothing twice", async () => {
  const { disk, writer } = scene("hourly");
  const write = (text: string, epochMs: number) => writer.append(Buffer.from(`${text}\n`), text.length + 1, epochMs);
  write("ten", START_MS);
  write("noon", START_MS + 2 * HOUR_MS);
  await turn();
  await writer.reopen(); // whatever was gathered is written
  write("eleven", START_MS + HOUR_MS);
  await writer.reopen();
  write("noon again", START_MS + 2 * HOUR_MS);
  await writer.close(SECOND_MS);
  expect(
    Object.values(disk.texts)
      .flatMap((text) => text.trimEnd().split("\n"))
      .sort(),
  ).toEqual(["eleven", "noon", "noon again", "ten"]);
  expect(disk.texts["a-20261129-10.log"]).toBe("ten\n");
});

test("A full disk while rolling loses no line and splits none", async () => {
  const { env, disk, write, writer } = scene("20.bytes");
  disk.takes = 3;
  const lines = Array.from({ length: 12 }, (_, i) => `line ${i}`);
  for (const line of lines.slice(0, 6)) write(line);
  disk.broken.write = new Error("ENOSPC");
  env.advance(SECOND_MS);
  await turn();
  for (const line of lines.slice(6)) write(line);
  delete disk.broken.write;
  await writer.close(SECOND_MS);
  const texts = Object.values(disk.texts);
  for (const text of texts) expect(text).toMatch(/^(line \d+\n){1,2}$/);
  expect(texts.join("").split("\n").sort()).toEqual([...lines, ""].sort());
});

test("Whatever is written, rolled, reopened and slow: every line is there once, in order, whole", async () => {
  const step = fc.oneof(
    fc.record({ at: fc.constant("line" as const), length: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ at: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 3 * HOUR_MS }) }),
    fc.constant({ at: "reopen" as const }),
  );
  const policies = fc.constantFrom("hourly", "daily", "7.bytes", "100.bytes", "1.kilobyte");
  await fc.assert(
    fc.asyncProperty(
      policies,
      fc.integer({ min: 1, max: 50 }),
      fc.array(step, { maxLength: 60 }),
      async (policy, takes, steps) => {
        const { env, disk, write, writer } = scene(policy);
        disk.takes = takes;
        const lines: string[] = [];
        for (const [i, one] of steps.entries()) {
          if (one.at === "line") {
            lines.push(`${i}`.padEnd(one.length, "."));
            write(lines.at(-1) ?? "");
          } else if (one.at === "reopen") await writer.reopen();
          else {
            env.advance(one.ms);
            await turn();
          }
        }
        await writer.close(SECOND_MS);
        const inOrder = [...disk.files].filter(([name]) => name !== "a.log").map(([, { text }]) => text);
        expect([...inOrder, disk.files.get("a.log")?.text ?? ""].join("")).toBe(
          lines.map((line) => `${line}\n`).join(""),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("A writer that is told of another policy keeps to it from then on, and continues its file", async () => {
  const { env, disk, write, writer } = scene("never");
  write("never");
  writer.follow({ policy: parseRollPolicy("10.bytes") ?? expect.fail("a size"), keep: 1, append: false });
  await turn();
  for (const text of ["123456789", "abcdefghi", "jklmnopqr"]) {
    write(text);
    env.advance(SECOND_MS);
    await turn();
  }
  await writer.close(SECOND_MS);
  expect(Object.values(disk.texts)).toEqual(["abcdefghi\n", "jklmnopqr\n"]);
  expect(disk.handles).toBe(0);
});

test("Being told of the policy it has opens nothing", async () => {
  const { disk, writer } = scene("hourly");
  await turn();
  const opened = disk.handles;
  writer.follow({ policy: parseRollPolicy("hourly") ?? expect.fail("a policy"), keep: -1, append: true });
  await turn();
  expect(disk.handles).toBe(opened);
  await writer.close(SECOND_MS);
});
