// Callers of HTTP/1.1 before services of HTTP/2: what one version would read as another message never gets there.
import { expect, test } from "vitest";
import { compose } from "../support/http-text.ts";
import { H2Service } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { Proxy } from "../support/proxy.ts";
import { memoryWorld } from "../support/world.ts";

const get = compose("GET / HTTP/1.1", { Host: "web" });

test.each<[string, string, (stream: H2Stream) => void]>([
  ["HEAD", "HEAD", (stream) => stream.reply(200, "HTTP/1.1 200 smuggled\r\n\r\n")],
  ["GET with 304", "GET", (stream) => stream.reply(304, "HTTP/1.1 200 smuggled\r\n\r\n")],
  ["GET with 204", "GET", (stream) => stream.reply(204, "HTTP/1.1 200 smuggled\r\n\r\n")],
])("a body in the answer to %s does not become the next answer", async (_, method, answer) => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world, { request: answer });
  await using proxy = await Proxy.start(world, {
    dtab: `/svc/web => ${service.name};`,
    client: { protocol: "h2", failureAccrual: { kind: "none" } },
  });
  const client = proxy.connect();
  client.send(compose(`${method} / HTTP/1.1`, { Host: "web" }));
  world.settle();
  service.behaviour = {};
  if (!client.over) client.send(get);
  world.settle();
  expect(client.problem).toBeNull();
  expect(client.answers.map(({ raw }) => raw).join("")).not.toContain("smuggled");
});

test("a content-length that a body of HTTP/2 does not keep never reaches a caller of HTTP/1.1 as a whole answer", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world, {
    request: (stream) => stream.reply(200, "short", [["content-length", "50"]]),
  });
  await using proxy = await Proxy.start(world, { dtab: `/svc/web => ${service.name};`, client: { protocol: "h2" } });
  const client = proxy.connect();
  client.send(get);
  await client.released();
  expect(client.answers).toEqual([]);
  expect(client.partialBody).toBe("short");
});
