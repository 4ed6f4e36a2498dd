import { expect, test } from "vitest";
import { configOf, problemsIn } from "../../test/support/linker-config.ts";

test("routers that write to one access log roll it alike", async () => {
  const router = (protocol: string, port: number, keys: string) =>
    `- {protocol: ${protocol}, label: r${port}, servers: [{port: ${port}}], ${keys}}`;
  const problems = (first: string, second: string) =>
    problemsIn(`routers:\n${router("http", 4140, first)}\n${router("h2", 4142, second)}`);
  expect(await problems("httpAccessLog: /a, httpAccessLogRollPolicy: daily", "h2AccessLog: /a")).toEqual([
    "3:4 routers[1].h2AccessLogRollPolicy: routers[0] writes to /a too, and there this is daily; write the same in both, or give each a file of its own",
  ]);
  expect(await problems("httpAccessLog: /a", "h2AccessLog: /a, h2AccessLogRotateCount: 3")).toEqual([
    expect.stringContaining("routers[1].h2AccessLogRotateCount: routers[0] writes to /a too, and there this is -1"),
  ]);
  const daily = "AccessLogRollPolicy: daily";
  const alike = (second: string) =>
    configOf(`routers:\n${router("http", 4140, `httpAccessLog: /a, http${daily}`)}\n${router("h2", 4142, second)}`);
  expect((await alike(`h2AccessLog: /a, h2${daily}`)).routers.length).toBe(2);
  expect((await alike("h2AccessLog: /b")).routers.length).toBe(2);
});

test("what cannot be a pattern of admin.security is a problem at its place", async () => {
  const router = "routers:\n- protocol: http\n  servers: [{}]\n";
  expect(
    await problemsIn(
      `${router}admin:\n  security:\n    pathWhitelist: [/a]\n    pathBlacklist:\n    - /b.*\n    - "(/c"\n`,
    ),
  ).toEqual([
    expect.stringMatching(
      /^9:7 admin\.security\.pathBlacklist\[1\]: no regular expression: .*Unterminated group; write it as/,
    ),
  ]);
  expect(await problemsIn(`${router}admin: {security: {uiEnabled: 1}}\n`)).toEqual([
    expect.stringContaining("4:31 admin.security.uiEnabled: expected true or false"),
  ]);
});

test("two servers on one address are told, over all routers and with the admin server", async () => {
  const text = [
    "admin: {port: 4140, ip: 0.0.0.0}",
    "routers:",
    "- protocol: http",
    "  servers: [{port: 4140}, {port: 0}, {port: 0}, {port: 4141, ip: 0.0.0.0}]",
    "- protocol: http",
    "  label: other",
    "  servers:",
    "  - port: 4141",
    "  - ip: 127.0.0.1",
    "  - {port: 4140, ip: 0.0.0.0}",
  ].join("\n");
  expect(await problemsIn(text)).toEqual([
    "9:5 routers[1].servers[1].port: 127.0.0.1:4140 is already taken by routers[0].servers[0]; choose another port",
    "10:12 routers[1].servers[2].port: 0.0.0.0:4140 is already taken by admin; choose another port",
  ]);
});

test("the port of the HTTP identifier is one more, at the ip of the admin server, also where that has a unix socket", async () => {
  const routers = "routers: [{protocol: http, servers: [{port: 4140}, {port: 4141, ip: 0.0.0.0}]}]";
  expect(await problemsIn(`admin: {port: 9990, httpIdentifierPort: 9990}\n${routers}`)).toEqual([
    "1:41 admin.httpIdentifierPort: 127.0.0.1:9990 is already taken by admin; choose another port",
  ]);
  expect(await problemsIn(`admin: {httpIdentifierPort: 4140}\n${routers}`)).toEqual([
    "2:45 routers[0].servers[0].port: 127.0.0.1:4140 is already taken by admin.httpIdentifierPort; choose another port",
  ]);
  expect((await configOf(`admin: {httpIdentifierPort: 0, port: 9990}\n${routers}`)).admin.httpIdentifierPort).toBe(0);
  const { admin } = await configOf(`admin: {httpIdentifierPort: 9991, socket: /tmp/a, ip: 127.0.0.2}\n${routers}`);
  expect([admin.ip, admin.socket]).toEqual(["127.0.0.2", "/tmp/a"]);
  expect(await problemsIn(`admin: {httpIdentifierPort: 9991, socket: /tmp/a, port: 9990}\n${routers}`)).toHaveLength(1);
  expect(await problemsIn(`admin: {socket: /tmp/a, ip: 127.0.0.1}\n${routers}`)).toHaveLength(1);
});

test("two routers of one label are told, given or from the protocol", async () => {
  const routers = (second: string) =>
    `routers:\n- protocol: http\n  servers: [{}]\n- protocol: http\n  servers: [{port: 1}]\n${second}`;
  expect(await problemsIn(routers(""))).toEqual([
    '4:3 routers[1].label: routers[0] is labelled "http" too; give each router a label of its own',
  ]);
  expect(await problemsIn(routers("  label: http\n"))).toEqual([
    '6:10 routers[1].label: routers[0] is labelled "http" too; give each router a label of its own',
  ]);
  expect((await configOf(routers("  label: second\n"))).routers.map(({ label }) => label)).toEqual(["http", "second"]);
});

test("an exporter cannot have a path of the admin server, nor two the same", async () => {
  const text = [
    "routers:",
    "- {protocol: http, servers: [{}]}",
    "telemetry:",
    "- {kind: io.l5d.prometheus, path: /routers/http/stack.json}",
    "- {kind: io.l5d.prometheus, path: /metrics}",
    "- {kind: io.l5d.prometheus, path: /metrics}",
  ].join("\n");
  expect(await problemsIn(text)).toEqual([
    "4:35 telemetry[0].path: /routers/http/stack.json is already taken by the admin server; choose another path",
    "6:35 telemetry[2].path: /metrics is already taken by telemetry[1]; choose another path",
  ]);
});
