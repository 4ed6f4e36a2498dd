// Six lines of YAML put a newcomer's own two services behind the proxy: real services, the program as people start it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http, { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { said } from "../support/command-line.ts";
import { ask, freePorts, Program, until } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-services-"));
const services: Server[] = [];

/** A service that says its name and what it was asked; `/slow` is never answered, `/once` fails every other time. */
async function service(name: string): Promise<number> {
  let failed = false;
  const server = createServer((request, response) => {
    if (request.url === "/slow") return;
    failed = request.url === "/once" && !failed;
    response.statusCode = failed ? 503 : 200;
    response.end(`${name} ${request.headers.host} ${request.url}`);
  });
  services.push(server);
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  return (server.address() as AddressInfo).port; // it listens on a port
}

/** Asks as programs do that were told `http_proxy`. */
function askProxied(port: number, url: string): Promise<string> {
  return new Promise((done, failed) => {
    http
      .get({ host: "127.0.0.1", port, path: url, headers: { host: new URL(url).host }, agent: false }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("end", () => done(text));
      })
      .on("error", failed);
  });
}

let users = 0;
let orders: [number, number] = [0, 0];

beforeAll(async () => {
  users = await service("users");
  orders = [await service("orders 1"), await service("orders 2")];
});

afterAll(() => {
  for (const server of services) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true });
});

test("Six lines serve two services by their names, as they are written and as they are written out", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(folder, "short.yaml");
  const text = `fairlead: 1
services:
  users: 127.0.0.1:${users}
  orders: [127.0.0.1:${orders[0]}, localhost:${orders[1]}]
admin: {port: ${adminPort}}
routers: [{protocol: http, servers: [{port: ${port}}]}]
`;
  expect(text.trim().split("\n").length).toBe(6);
  writeFileSync(file, text);
  const written = await said(["check", "--expand", file]);
  expect(written).toMatchObject({ code: 0, err: "" });
  const full = join(folder, "full.yaml");
  writeFileSync(full, written.out);
  for (const one of [file, full]) {
    await using program = new Program(["run", one]);
    await program.said("is ready");
    expect(await ask(port, { Host: "users" }, "/a")).toEqual({ status: 200, text: "users users /a" });
    expect((await ask(port, { Host: "Users:8080" })).text).toBe("users Users:8080 /");
    expect(await askProxied(port, "http://users/b")).toBe("users users /b");
    expect(await ask(port, { Host: "nobody" })).toMatchObject({ status: 502, text: expect.stringContaining("nobody") });
    const answers = new Set<string>();
    for (let i = 0; i < 40; i++) answers.add((await ask(port, { Host: "orders" })).text);
    expect([...answers].sort()).toEqual(["orders 1 orders /", "orders 2 orders /"]);
    // One client with both endpoints, so that one balancer knows the load of each.
    const state = JSON.parse((await ask(adminPort, {}, "/client_state.json")).text) as object;
    expect(Object.keys(state).sort()).toEqual(["/#/services/orders", "/#/services/users"]);
    program.signal("SIGTERM");
    expect(await program.end()).toBe(0);
  }
});

test("A file of endpoints is followed, a timeout ends a request, retries repeat one, any other host is looked up", async () => {
  const [port = 0] = await freePorts(1);
  const endpoints = join(folder, "carts");
  writeFileSync(endpoints, `127.0.0.1 ${orders[0]}\n`);
  const file = join(folder, "all.yaml");
  writeFileSync(
    file,
    `fairlead: 1
services:
  users: {to: 127.0.0.1, port: ${users}, timeoutMs: 300, retries: {maxRetries: 2}}
  carts: {file: ${endpoints}}
  "*": dns
admin: {port: 0}
routers: [{protocol: http, servers: [{port: ${port}}]}]
`,
  );
  await using program = new Program(["run", file]);
  await program.said("is ready");
  expect((await ask(port, { Host: "carts" })).text).toBe("orders 1 carts /");
  writeFileSync(endpoints, `127.0.0.1 ${orders[1]}\n`);
  let last = "";
  await until(
    () => {
      void ask(port, { Host: "carts" }).then(({ text }) => (last = text));
      return last.startsWith("orders 2");
    },
    () => `the other endpoint; it was ${last}`,
  );
  expect((await ask(port, { Host: "users" }, "/slow")).status).toBe(503);
  expect(await ask(port, { Host: "users" }, "/once")).toEqual({ status: 200, text: "users users /once" });
  expect((await ask(port, { Host: `localhost:${orders[0]}` }, "/c")).text).toBe(`orders 1 localhost:${orders[0]} /c`);
  expect((await ask(port, { Host: "no-such-host.invalid" })).status).toBe(502);
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
});
