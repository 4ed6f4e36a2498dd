import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { nodeFiles } from "./line-file.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-lines-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("A file is appended to, and knows when it was moved away", async () => {
  const path = join(folder, "access.log");
  for (const text of ["one\n", "two\n"]) {
    const file = await nodeFiles(path).open();
    expect(await file.write(Buffer.from(`..${text}`), 2, 4)).toBe(4);
    expect(await file.isStillThere()).toBe(true);
    await file.close();
  }
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
  const file = await nodeFiles(path).open();
  renameSync(path, `${path}.1`);
  expect(await file.isStillThere()).toBe(false);
  const successor = await nodeFiles(path).open();
  expect(await file.isStillThere()).toBe(false);
  await Promise.all([file.close(), successor.close()]);
});

test("A path that cannot be a file is an error and no exception at start", async () => {
  const files = nodeFiles(join(folder, "missing", "access.log"));
  await expect(files.open()).rejects.toThrow("ENOENT");
  await expect(nodeFiles(folder).open()).rejects.toThrow("EISDIR");
});

test("Only a full pipe counts as busy", () => {
  const files = nodeFiles("/dev/stdout");
  expect(files.isBusy(Object.assign(new Error("again"), { code: "EAGAIN" }))).toBe(true);
  expect(files.isBusy(Object.assign(new Error("full"), { code: "ENOSPC" }))).toBe(false);
});
