// Metrics of names: those in use stay, whoever else used the name for a while; and made-up names do not pile up.
import { expect, test } from "vitest";
import { get, memoryScene } from "../support/scene.ts";
import { compose } from "../support/http-text.ts";

test("a service keeps its figures when an override of the same name is forgotten", async () => {
  await using scene = await memoryScene({ router: { bindingCache: { paths: 2 } } });
  const client = scene.connect();
  await client.ask(get());
  for (const override of ["/x => /y", "/x => /z", "/x => /a"]) {
    await client.ask(get("/", { "l5d-dtab": override })); // the third makes the first be forgotten
  }
  await client.ask(get());
  expect(scene.proxy.metric("bindcache", "path", "evicts")).toBe(1);
  expect(scene.proxy.metric("service", "svc/web", "requests")).toBe(5);
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "service", "svc/web", "requests")).toBe(5);
});

test("names that are asked for once leave a bounded number of metrics behind", async () => {
  const NAMES = 200;
  const CACHED = 10;
  await using scene = await memoryScene({ router: { bindingCache: { paths: CACHED } }, dtab: "/svc/* => /svc/web;" });
  const client = scene.connect();
  for (let i = 0; i < NAMES; i++) {
    const answer = await client.ask(compose("GET / HTTP/1.1", { Host: `made-up-${i}` }));
    expect(answer.status).toBe(200);
  }
  expect(scene.proxy.metricNames("service").length).toBeLessThanOrEqual(CACHED);
  const id = scene.backend.name.slice(1);
  expect(scene.proxy.metricNames("client", id, "service").length).toBeLessThanOrEqual(2 * CACHED);
  expect(scene.proxy.metric("client", id, "requests")).toBe(NAMES);
});
