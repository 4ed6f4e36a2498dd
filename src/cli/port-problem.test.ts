import { expect, test } from "vitest";
import { loadConfig, type LinkerConfig } from "../app/config.ts";
import { portProblem } from "./port-problem.ts";

async function config(): Promise<LinkerConfig> {
  const routers = [
    { protocol: "http", label: "a", servers: [{ port: 4140 }] },
    { protocol: "http", label: "b", servers: [{ port: 4141 }, { port: 80, ip: "::1" }] },
  ];
  const loaded = await loadConfig(JSON.stringify({ admin: { port: 9990, httpIdentifierPort: 9991 }, routers }), {
    file: "f",
    environment: {},
  });
  if (loaded.config === null) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

function listening(code: string, address: string, port: number): Error {
  return Object.assign(new Error(`listen ${code}`), { code, address, port });
}

test.each([
  [
    "EADDRINUSE",
    "127.0.0.1",
    4141,
    "127.0.0.1:4141 is already in use; stop what listens there, or choose another port at routers[1].servers[0].port",
  ],
  [
    "EADDRINUSE",
    "127.0.0.1",
    9990,
    "127.0.0.1:9990 is already in use; stop what listens there, or choose another port at admin.port",
  ],
  [
    "EADDRINUSE",
    "127.0.0.1",
    9991,
    "127.0.0.1:9991 is already in use; stop what listens there, or choose another port at admin.httpIdentifierPort",
  ],
  ["EACCES", "::1", 80, "[::1]:80 may not be listened on by this user; choose a port from 1024 on"],
  ["EADDRNOTAVAIL", "192.0.2.1", 4140, "192.0.2.1:4140 is no address of this machine; write one that is, or 0.0.0.0"],
])("%s is told in one line", async (code, address, port, words) => {
  expect(portProblem(listening(code, address, port), await config())).toBe(words);
});

test("Any other error is no matter of ports", async () => {
  for (const error of [
    new Error("EADDRINUSE"),
    listening("EIO", "127.0.0.1", 1),
    "text",
    Object.assign(new Error("no port"), { code: "EACCES" }),
  ])
    expect(portProblem(error, await config())).toBe(null);
});
