// Transformers (linkerd1 §5.1) as a request meets them: linker-to-linker, policies by transformed ids, and filters that leave nothing.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf } from "../support/http-client.ts";
import { valueOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

test("linker-to-linker: a request goes to the proxy beside the service, by the policy of the transformed id", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await Backend.start(world);
  const incoming = await Proxy.start(world, {
    dtab: `/svc => ${service.name};`,
    router: { interpreter: { kind: "default", transformers: [{ kind: "io.l5d.localhost" }] } },
  });
  await using _incoming = incoming;
  const port = incoming.port();
  const id = `/%/io.l5d.port/${port}${service.name}`;
  await using outgoing = await Proxy.start(world, {
    dtab: `/svc => ${service.name};`,
    router: { interpreter: { kind: "default", transformers: [{ kind: "io.l5d.port", port }] } },
    client: {
      kind: "io.l5d.static",
      configs: [
        { prefix: `/%/io.l5d.port/${port}`, loadBalancer: { kind: "roundRobin" } },
        { prefix: "/$/inet", loadBalancer: { kind: "heap" } },
      ],
    },
  });
  const answer = await outgoing.connect().ask(get());
  expect([answer.status, service.requests.length]).toEqual([200, 1]);
  expect(valueOf(service.last, "l5d-dst-client")).toBe(`/%/io.l5d.localhost${service.name}`);
  expect(outgoing.lastRecord.client).toBe(id);
  expect(incoming.lastRecord.client).toBe(`/%/io.l5d.localhost${service.name}`);
  expect(outgoing.metric("client", id.slice(1), "requests")).toBe(1);
  expect(outgoing.metricNames("client", id.slice(1), "loadbalancer", "algorithm")).toEqual(["round_robin"]);
});

test("a filter that leaves nothing is answered with 502 and says so", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await Backend.start(world);
  await using proxy = await Proxy.start(world, {
    dtab: `/svc => ${service.name};`,
    router: { interpreter: { kind: "default", transformers: [{ kind: "io.l5d.specificHost", host: "10.0.0.1" }] } },
  });
  const answer = await proxy.connect().ask(get());
  expect([answer.status, causeOf(answer), service.requests.length]).toEqual([502, "proxy.bind.no-endpoints", 0]);
  expect(proxy.lastRecord.client).toBe(`/%/io.l5d.specificHost/10.0.0.1${service.name}`);
});

test("under a namer a filter that leaves nothing lets the alternative follow, as long as that is so", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [near, far] = [await Backend.start(world), await Backend.start(world)];
  const disco = new Disco(world);
  disco.write("web", [{ host: "10.0.0.1", port: 80 }]);
  await using proxy = await Proxy.start(world, {
    dtab: `/svc => /#/io.l5d.fs | ${far.name};`,
    namers: [{ ...disco.namer, transformers: [{ kind: "io.l5d.localhost", prefix: "/here" }] }],
  });
  const client = proxy.connect();
  expect((await client.ask(get())).status).toBe(200);
  expect([near.requests.length, far.requests.length]).toEqual([0, 1]);
  disco.write("web", [{ host: "10.0.0.1", port: 80 }, near]);
  const nearIsAsked = () => near.requests.length > 0;
  await world.passUntil("a request to the near service", nearIsAsked, async () => {
    await world.pass(100);
    await client.ask(get());
  });
  expect(proxy.lastRecord.client).toBe("/%/here/#/io.l5d.fs/web");
});

test("io.l5d.const answers for names that do not exist, and io.l5d.replace does not", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await Backend.start(world);
  const by = (kind: string, path: string) =>
    Proxy.start(world, { router: { interpreter: { kind: "default", transformers: [{ kind, path }] } } });
  await using constant = await by("io.l5d.const", service.name);
  await using replacing = await by("io.l5d.replace", service.name);
  expect((await constant.connect().ask(get())).status).toBe(200);
  expect(constant.lastRecord.client).toBe(`/%/io.l5d.const${service.name}`);
  const answer = await replacing.connect().ask(get());
  expect([answer.status, causeOf(answer)]).toEqual([502, "proxy.bind.no-such-name"]);
  await using status = await by("io.l5d.const", "/$/io.buoyant.http.status/404");
  expect((await status.connect().ask(get())).status).toBe(404);
});
