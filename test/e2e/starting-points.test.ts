import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http, { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemEnv } from "../../src/base/env.ts";
import { Log } from "../../src/telemetry/log.ts";
import { said } from "../support/command-line.ts";
import { loadConfig } from "../../src/app/config.ts";
import { Linker } from "../../src/app/linker.ts";
import { FORWARD_PROXY, startingFile } from "../../src/app/starting-points.ts";

test("the starting file can be used as it is, and begins with the schema's line", async () => {
  const text = startingFile("/x/fairlead.schema.json");
  expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=/x/fairlead.schema.json");
  const { config, problems } = await loadConfig(text, { file: "fairlead.yaml", environment: {} });
  expect(problems).toEqual([]);
  expect(config?.routers.map(({ servers }) => servers.map(({ ip, port }) => `${ip}:${port}`))).toEqual([
    ["127.0.0.1:4140"],
  ]);
});

test("what the starting file only shows can be used as well", async () => {
  const shown = startingFile("/x").replaceAll(/^( +)# (?=users:|carts:|stock:|dtab:|  \/svc)/gm, "$1");
  const { config, problems } = await loadConfig(shown, { file: "fairlead.yaml", environment: {} });
  expect(problems).toEqual([]);
  expect(config?.namers).toMatchObject([
    { kind: "fairlead.static", names: { web: {}, users: {}, carts: {} } },
    { kind: "fairlead.files", names: { stock: "disco/stock" } },
  ]);
  expect(config?.routers[0]?.dtab).toMatch(/\/svc\/users => 9 \*/);
});

test("fairlead init writes a file once, prints it for -, and names a schema that exists", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-init-"));
  const file = join(folder, "a.yaml");
  expect(await said(["init", file])).toMatchObject({ code: 0, err: "" });
  const written = readFileSync(file, "utf8");
  const schema = /\$schema=(.*)\n/.exec(written)?.[1] ?? "";
  expect(JSON.parse(readFileSync(schema, "utf8"))).toHaveProperty("properties.routers");
  expect(await said(["init", file])).toMatchObject({ code: 1, err: expect.stringContaining("it exists") });
  expect(readFileSync(file, "utf8")).toBe(written);
  expect(await said(["init", join(folder, "no/b.yaml")])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no such directory"),
  });
  expect((await said(["init", "-"])).out).toBe(written);
  expect(await said(["check", file])).toMatchObject({ code: 0 });
  rmSync(folder, { recursive: true });
});

test("without a configuration requests go where their target or their Host says", async () => {
  const service = createServer((request, response) => response.end(`${request.headers.host} ${request.url}`));
  await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
  const { port } = service.address() as AddressInfo; // it listens on a port
  const text = FORWARD_PROXY.replace("port: 4140", "port: 0").replace("routers:", "admin: {port: 0}\nrouters:");
  const { config, problems } = await loadConfig(text, { file: "test", environment: {} });
  expect(problems).toEqual([]);
  if (config === null) throw new Error("it cannot be used");
  const env = systemEnv();
  const linker = await Linker.start(config, { env, log: new Log(env.clock, () => undefined) });
  const proxyPort = linker.routers[0]?.servers[0]?.listener?.port ?? 0;
  const ask = (path: string, host: string) =>
    new Promise<string>((done, failed) => {
      http
        .get({ port: proxyPort, host: "127.0.0.1", path, headers: { host } }, (answer) => {
          let body = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
          answer.on("end", () => done(`${answer.statusCode} ${body}`));
        })
        .on("error", failed);
    });
  expect(await ask(`http://localhost:${port}/a`, "elsewhere")).toBe(`200 localhost:${port} /a`);
  expect(await ask("/b", `127.0.0.1:${port}`)).toBe(`200 127.0.0.1:${port} /b`);
  expect(await ask("/c", "no-such-host.invalid")).toMatch(/^502 .*no-such-host/);
  await linker.stop(0);
  service.closeAllConnections();
  service.close();
});
