// Endpoints on unix sockets through the whole proxy, in memory and in simulated time: what depends on an endpoint's address besides connecting.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { valueOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

test("health checks ask localhost over a unix socket, and what fails them is taken out by its path", async () => {
  await using world = memoryWorld();
  const disco = new Disco(world);
  let health = 200;
  const backend = await Backend.start(
    world,
    { request: ({ target }, connection) => connection.reply(target === "/health" ? health : 200) },
    0,
    "/run/users.sock",
  );
  disco.write("web", [backend]);
  const healthCheck = { kind: "fairlead.http", path: "/health", intervalMs: 1000, timeoutMs: 200 };
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { healthCheck },
    accessLog: true,
  });
  const client = proxy.connect();
  expect((await client.ask(get())).status).toBe(200);
  expect(proxy.lastLine["endpoint"]).toBe("unix:/run/users.sock");
  await world.pass(3_000);
  const check = backend.requests.find(({ target }) => target === "/health");
  expect(check === undefined ? undefined : valueOf(check, "host")).toBe("localhost");
  health = 503;
  await world.pass(5_000);
  expect(proxy.metric("client", "#/io.l5d.fs/web", "health_check", "unhealthy")).toBe(1);
  expect(proxy.logLines.join("")).toContain("takes endpoint unix:/run/users.sock out, for its health checks fail");
});

test("a unix socket nobody listens on is a failed connect, and another endpoint serves", async () => {
  await using world = memoryWorld();
  const disco = new Disco(world);
  const backend = await Backend.start(world);
  disco.write("web", [{ host: "/run/gone.sock", port: 0 }, backend]);
  disco.write("gone", [{ host: "/run/gone.sock", port: 0 }]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  for (let i = 0; i < 20; i++) expect((await client.ask(get())).status).toBe(200);
  const answer = await client.ask("GET / HTTP/1.1\r\nHost: gone\r\n\r\n");
  expect(answer.status).toBe(502);
  expect(answer.body).toContain("Unable to establish connection to unix:/run/gone.sock (ECONNREFUSED)");
});
