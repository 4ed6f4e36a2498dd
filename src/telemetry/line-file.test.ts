import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { nodeFiles } from "./line-file.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-lines-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("A file is appended to, and knows when it was moved away", async () => {
  const path = join(folder, "access.log");
  for (const text of ["one\n", "two\n"]) {
    const file = await nodeFiles(path).open(false);
    expect(await file.write(Buffer.from(`..${text}`), 2, 4)).toBe(4);
    expect(await file.isStillThere()).toBe(true);
    await file.close();
  }
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  const file = await nodeFiles(path).open(false);
  renameSync(path, `${path}.1`);
  expect(await file.isStillThere()).toBe(false);
  const successor = await nodeFiles(path).open(false);
  expect(await file.isStillThere()).toBe(false);
  await Promise.all([file.close(), successor.close()]);
});

test("A path that cannot be a file is an error and no exception at start", async () => {
  const files = nodeFiles(join(folder, "missing", "access.log"));
  await expect(files.open(false)).rejects.toThrow("ENOENT");
  await expect(nodeFiles(folder).open(false)).rejects.toThrow("EISDIR");
});

test("A file may be emptied when it is opened, tells what is in it, and is renamed and removed in its folder", async () => {
  const path = join(folder, "rolled", "a.log");
  mkdirSync(join(folder, "rolled"));
  writeFileSync(path, "old lines\n");
  const files = nodeFiles(path);
  const kept = await files.open(false);
  expect(await kept.content()).toEqual({ bytes: 10, writtenMs: statSync(path).mtimeMs });
  const emptied = await files.open(true);
  expect(await emptied.content()).toMatchObject({ bytes: 0 });
  await files.rename("a-1.log");
  expect([await files.names(), await kept.isStillThere()]).toEqual([["a-1.log"], false]);
  await files.remove("a-1.log");
  expect(await files.names()).toEqual([]);
  await Promise.all([kept.close(), emptied.close()]);
});

test("What keeps nothing has no content", async () => {
  const file = await nodeFiles("/dev/stdout").open(true);
  expect(await file.content()).toBeNull();
  const device = await nodeFiles("/dev/null").open(true);
  expect(await device.content()).toBeNull();
  await device.close();
});

test("Only a full pipe counts as busy", () => {
  const files = nodeFiles("/dev/stdout");
  expect(files.isBusy(Object.assign(new Error("again"), { code: "EAGAIN" }))).toBe(true);
  expect(files.isBusy(Object.assign(new Error("full"), { code: "ENOSPC" }))).toBe(false);
});
