import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { type LineFile, type LineFiles, nodeFiles } from "./line-file.ts";
import { LineWriter, MAX_WAITING_BYTES } from "./line-writer.ts";
import { Log } from "./log.ts";
import { MetricsRegistry } from "./registry.ts";

/** A disk that does what the test says. */
class FakeFiles implements LineFiles {
  text = "";
  opened = 0;
  closed = 0;
  /** The error of the next calls, by name of the call. */
  readonly broken: { open?: Error; write?: Error } = {};
  /** How many bytes a write takes at most. */
  takes = Number.POSITIVE_INFINITY;
  moved = false;
  /** While set, writes wait for it. */
  stuck: Promise<void> | null = null;

  async open(): Promise<LineFile> {
    if (this.broken.open !== undefined) throw this.broken.open;
    this.opened++;
    this.moved = false;
    return {
      write: (buffer, start, length) => this.#write(buffer, start, length),
      isStillThere: async () => !this.moved,
      content: async () => null,
      close: async () => void this.closed++,
    };
  }

  async #write(buffer: Buffer, start: number, length: number): Promise<number> {
    if (this.stuck !== null) await this.stuck;
    if (this.broken.write !== undefined) throw this.broken.write;
    const taken = Math.min(length, this.takes);
    this.text += buffer.toString("latin1", start, start + taken);
    return taken;
  }

  async names(): Promise<string[]> {
    return [];
  }

  async rename(): Promise<void> {
    throw new Error("nobody rolls this file");
  }

  async remove(): Promise<void> {
    throw new Error("nobody rolls this file");
  }

  isBusy(error: unknown): boolean {
    return error instanceof Error && error.message === "busy";
  }
}

function scene<F extends LineFiles = FakeFiles>(files: F = new FakeFiles() as LineFiles as F) {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  const told: string[] = [];
  const logger = new Log(env.clock, (line) => void told.push(line)).logger("access-log");
  const [dropped, errors] = [registry.root.counter("dropped"), registry.root.counter("errors")];
  const writer = new LineWriter({ path: "/log", env, logger, dropped, errors, rollErrors: errors, files });
  const write = (text: string) => writer.append(Buffer.from(`${text}\n`), text.length + 1, env.clock.epochMs());
  return { env, files, told, dropped, errors, writer, write };
}

/** Lets promises have their turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("Lines are written together, at the latest half a second after the first of them", async () => {
  const { env, files, write, writer } = scene();
  write("one");
  env.advance(400);
  write("two");
  await turn();
  expect(files.text).toBe("");
  env.advance(100);
  await turn();
  expect(files.text).toBe("one\ntwo\n");
  await writer.close(1000);
  expect(env.pendingTimers).toBe(0);
  expect(files.closed).toBe(files.opened);
});

test("A full batch is written at once, and a line larger than any batch is written whole", async () => {
  const { files, write, writer } = scene();
  const lines = ["a".repeat(40_000), "b".repeat(40_000), "c".repeat(200_000), "d"];
  for (const line of lines.slice(0, 2)) write(line);
  await turn();
  expect(files.text).toBe(`${lines[0]}\n`);
  for (const line of lines.slice(2)) write(line);
  await writer.close(1000);
  expect(files.text).toBe(`${lines.join("\n")}\n`);
});

test("Closing writes what was gathered", async () => {
  const { files, write, writer } = scene();
  write("last words");
  await writer.close(1000);
  expect(files.text).toBe("last words\n");
});

test("A disk that takes a little at a time gets every byte once, in order", async () => {
  const { files, write, writer } = scene();
  files.takes = 7;
  for (let i = 0; i < 50; i++) write(`line ${i}`);
  await writer.close(1000);
  expect(files.text).toBe(Array.from({ length: 50 }, (_, i) => `line ${i}\n`).join(""));
});

test("A full disk is told once, tried again every second, and loses nothing while memory lasts", async () => {
  const { env, files, told, dropped, errors, write, writer } = scene();
  await turn();
  files.broken.write = new Error("ENOSPC: no space left on device, write");
  for (let second = 0; second < 3; second++) {
    write(`line ${second}`);
    env.advance(1000);
    await turn();
  }
  expect(errors.value).toBe(3);
  expect(told.length).toBe(1);
  expect(told[0]).toContain("/log cannot be written (ENOSPC");
  delete files.broken.write;
  env.advance(1000);
  await turn();
  expect(files.text).toBe("line 0\nline 1\nline 2\n");
  expect(told.at(-1)).toContain("/log is written again; 0 lines were dropped");
  expect(dropped.value).toBe(0);
  await writer.close(1000);
});

test("A line interrupted by a full disk is finished, not repeated", async () => {
  const { env, files, write, writer } = scene();
  files.takes = 3;
  write("interrupted");
  env.advance(500);
  await Promise.resolve();
  await Promise.resolve();
  files.broken.write = new Error("ENOSPC");
  await turn();
  expect("interrupted\n".startsWith(files.text)).toBe(true);
  delete files.broken.write;
  env.advance(1000);
  await writer.close(1000);
  expect(files.text).toBe("interrupted\n");
});

test("While a file stays broken memory is bounded, and what is beyond is counted as dropped", async () => {
  const files = new FakeFiles();
  files.broken.open = new Error("EACCES: permission denied, open '/log'");
  const { env, told, dropped, write, writer } = scene(files);
  await turn();
  const line = "x".repeat(1023);
  const sent = 3 * (MAX_WAITING_BYTES / 1024);
  for (let i = 0; i < sent; i++) write(line);
  const kept = sent - dropped.value;
  expect(kept).toBeGreaterThan(500);
  expect(kept * 1024).toBeLessThanOrEqual(MAX_WAITING_BYTES);
  delete files.broken.open;
  env.advance(1000);
  await turn();
  await turn();
  await writer.close(1000);
  expect(files.text.length).toBe(kept * 1024);
  expect(told.at(-1)).toContain(`${dropped.value} lines were dropped`);
});

test("A disk that is too slow is told like a broken one, and so is its recovery", async () => {
  const { files, told, dropped, write, writer } = scene();
  await turn();
  const line = "x".repeat(1023);
  for (let i = 0; i < 2 * (MAX_WAITING_BYTES / 1024); i++) write(line);
  expect(dropped.value).toBeGreaterThan(0);
  expect(told.length).toBe(1);
  expect(told[0]).toContain("/log cannot be written as fast as lines come");
  await turn();
  expect(told.length).toBe(2);
  expect(told[1]).toContain(`/log is written again; ${dropped.value} lines were dropped`);
  await writer.close(1000);
  expect(files.text.length % 1024).toBe(0);
});

test("A full pipe is waited for, and is no error", async () => {
  const { env, files, errors, write, writer } = scene();
  await turn();
  files.broken.write = new Error("busy");
  write("patience");
  env.advance(500);
  await turn();
  delete files.broken.write;
  env.advance(10);
  await turn();
  expect(files.text).toBe("patience\n");
  expect(errors.value).toBe(0);
  await writer.close(1000);
});

test("A file that was moved away is begun anew within a second or so, however often lines are written", async () => {
  const { env, files, write, writer } = scene();
  await turn();
  files.moved = true;
  for (let i = 0; i < 4; i++) {
    write(`line ${i}`);
    env.advance(500);
    await turn();
  }
  expect({ opened: files.opened, closed: files.closed }).toEqual({ opened: 2, closed: 1 });
  expect(files.text).toBe("line 0\nline 1\nline 2\nline 3\n");
  await writer.close(1000);
});

test("Closing gives up a file that does not answer, and counts its lines as dropped", async () => {
  const { env, files, dropped, write, writer } = scene();
  await turn();
  files.stuck = new Promise(() => undefined);
  write("one");
  write("two");
  const closed = writer.close(1000);
  await turn();
  env.advance(1000);
  await closed;
  expect(dropped.value).toBe(2);
  write("too late");
  expect(dropped.value).toBe(3);
});

test("Closing a writer whose file is broken tries once more and ends", async () => {
  const { env, files, dropped, write, writer } = scene();
  files.broken.write = new Error("EIO");
  write("lost");
  env.advance(500);
  await turn();
  await writer.close(1000);
  expect(dropped.value).toBe(1);
  expect(env.pendingTimers).toBe(0);
});

test("A disk that is full for long costs lines, which are counted, and is written to again when there is room", async () => {
  const { env, files, told, dropped, write, writer } = scene();
  await turn();
  files.broken.write = new Error("ENOSPC: no space left on device, write");
  const line = "x".repeat(1023);
  const sent = 2 * (MAX_WAITING_BYTES / 1024);
  for (let i = 0; i < sent; i++) {
    write(line);
    if (i % 100 === 0) {
      env.advance(1000);
      await turn();
    }
  }
  const kept = sent - dropped.value;
  expect(dropped.value).toBeGreaterThan(0);
  delete files.broken.write;
  env.advance(1000);
  await turn();
  await turn();
  expect(files.text.length).toBe(kept * 1024);
  expect(told).toEqual([
    expect.stringContaining("/log cannot be written (ENOSPC"),
    expect.stringContaining(`/log is written again; ${dropped.value} lines were dropped`),
  ]);
  write("afterwards");
  await writer.close(1000);
  expect(files.text.endsWith("x\nafterwards\n")).toBe(true);
});

test("Reopening closes the file and opens it by its path, once for all who ask meanwhile, and lines stay in order", async () => {
  const { files, write, writer } = scene();
  await turn();
  write("one");
  const answers = await Promise.all([writer.reopen(), writer.reopen()]);
  write("two");
  expect(answers).toEqual([true, true]);
  await writer.close(1000);
  expect(files).toMatchObject({ text: "one\ntwo\n", opened: 2, closed: 2 });
  expect(await writer.reopen()).toBe(false);
});

test("Reopening what is being written waits for that write", async () => {
  const { env, files, write, writer } = scene();
  await turn();
  const stuck = Promise.withResolvers<void>();
  files.stuck = stuck.promise;
  write("one");
  env.advance(500);
  await turn();
  write("two");
  const reopened = writer.reopen();
  await turn();
  expect(files.opened).toBe(1);
  files.stuck = null;
  stuck.resolve();
  expect(await reopened).toBe(true);
  await writer.close(1000);
  expect(files).toMatchObject({ text: "one\ntwo\n", opened: 2, closed: 2 });
});

test("Reopening mends a broken file at once, and tells when it cannot be opened", async () => {
  const { env, files, write, writer } = scene();
  await turn();
  files.broken.open = new Error("EACCES");
  expect(await writer.reopen()).toBe(false);
  write("kept");
  env.advance(500);
  await turn();
  delete files.broken.open;
  expect(await writer.reopen()).toBe(true);
  await turn();
  expect(files.text).toBe("kept\n");
  await writer.close(1000);
  expect(env.pendingTimers).toBe(0);
});

test.skipIf(!existsSync("/dev/full"))(
  "A disk of this machine that is full and then has room gets every line",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-full-"));
    const path = join(folder, "access.log");
    symlinkSync("/dev/full", path);
    const { env, told, errors, dropped, write, writer } = scene(nodeFiles(path));
    write("one");
    env.advance(500);
    await expect.poll(() => errors.value).toBe(1);
    expect(told[0]).toContain("ENOSPC");
    rmSync(path);
    symlinkSync(join(folder, "disk"), path);
    write("two");
    env.advance(1000);
    await expect.poll(() => existsSync(join(folder, "disk")) && readFileSync(path, "utf8")).toBe("one\ntwo\n");
    expect(dropped.value).toBe(0);
    await writer.close(1000);
    rmSync(folder, { recursive: true });
  },
);
