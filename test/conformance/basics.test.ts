import { expect, test } from "vitest";
import { get, memoryScene, post, tcpScene } from "../support/scene.ts";

test.each([memoryScene, tcpScene])("a request is answered", async (scene) => {
  await using s = await scene();
  const client = s.connect();
  const answer = await client.ask(get("/x"));
  console.log(answer.raw, s.backend.last.raw);
  expect(answer.status).toBe(200);
  const second = await client.ask(post("hello"));
  expect(s.backend.last.body).toBe("hello");
  console.log(second.raw, s.backend.last.raw, s.proxy.records);
});
