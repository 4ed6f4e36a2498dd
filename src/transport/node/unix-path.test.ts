import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manyDescriptors } from "../../../test/support/descriptors.ts";
import { afterAll, expect, test } from "vitest";
import type { ByteStream } from "../../core/byte-stream.ts";
import { NodeTransport } from "./node-transport.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { boundName } from "./unix-path.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-path-"));
const remotes: string[] = [];

afterAll(() => rmSync(folder, { recursive: true }));

function transport(): NodeTransport {
  return new NodeTransport({
    buffers: new ReadBuffers(null),
    directWrite: null,
    descriptors: manyDescriptors(),
    flush: () => undefined,
    readerFailed: (error) => {
      throw error;
    },
  });
}

const accept = (stream: ByteStream): void => {
  remotes.push(stream.remote);
  stream.destroy();
};

/** Resolves to the code of the error, or "connected". */
function connecting(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.on("connect", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.on("connect", () => socket.destroy());
  });
}

test("The file has its mode, a caller is called unix:, and at the end nothing is left", async () => {
  const host = join(folder, "a");
  const listener = await transport().listen({ host, port: 0, mode: 0o640 }, accept);
  expect(listener).toMatchObject({ host, port: 0, inherited: false });
  expect(statSync(host).mode & 0o777).toBe(0o640);
  expect(existsSync(boundName(host))).toBe(false);
  expect(await connecting(host)).toBe("connected");
  await expect.poll(() => remotes).toEqual(["unix:"]);
  await listener.close();
  expect(existsSync(host)).toBe(false);
  expect(await connecting(host)).toBe("ENOENT");
});

test("A listener that leaves its file does not remove it, and whoever listens there next replaces it", async () => {
  const host = join(folder, "b");
  const first = await transport().listen({ host, port: 0 }, accept);
  first.leaveFile();
  await first.close();
  expect(await connecting(host)).toBe("ECONNREFUSED");
  const second = await transport().listen({ host, port: 0 }, accept);
  expect(await connecting(host)).toBe("connected");
  await second.close();
});

test("The file of another process that took the place is not removed", async () => {
  const host = join(folder, "c");
  const first = await transport().listen({ host, port: 0 }, accept);
  rmSync(host);
  const second = await transport().listen({ host, port: 0 }, accept);
  await first.close();
  expect(await connecting(host)).toBe("connected");
  await second.close();
});

test("Where somebody listens nobody else does, whether it takes streams or not, and other files stay", async () => {
  const host = join(folder, "d");
  const first = await transport().listen({ host, port: 0 }, accept);
  await expect(transport().listen({ host, port: 0 }, accept)).rejects.toMatchObject({
    code: "EADDRINUSE",
    path: host,
    reason: `process ${process.pid} (${readFileSync("/proc/self/comm", "utf8").trim()}) listens there; stop it`,
  });
  await first.close();
  writeFileSync(host, "precious");
  await expect(transport().listen({ host, port: 0 }, accept)).rejects.toMatchObject({ code: "EEXIST", path: host });
  expect(readFileSync(host, "utf8")).toBe("precious");
});

test("What a process left that died while it was listening for the first time is no hindrance", async () => {
  const host = join(folder, "e");
  writeFileSync(boundName(host), "");
  const listener = await transport().listen({ host, port: 0 }, accept);
  expect(await connecting(host)).toBe("connected");
  await listener.close();
});

test.each(["/run/a", "/run/a~", "/x"])(
  "The name that %s is bound by is another one, beside it and no longer",
  (path) => {
    const bound = boundName(path);
    expect(bound).not.toBe(path);
    expect(bound.length).toBe(path.length);
    expect(bound.lastIndexOf("/")).toBe(path.lastIndexOf("/"));
  },
);
