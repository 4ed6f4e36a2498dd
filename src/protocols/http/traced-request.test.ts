import { expect, test } from "vitest";
import { heapInUse } from "../../../test/support/heap.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { requestWords } from "./traced-request.ts";

const LONG = 30_000;

function asked(target: string, host = "web"): MessageHead {
  const bytes = Buffer.from(target, "latin1"); // a text of its own, as from a connection
  return { method: "GET", target: bytes.toString("latin1"), host, version: "HTTP/1.1" } as unknown as MessageHead; // all that is looked at
}

test("The target is told without its query, and long texts are cut", () => {
  expect(requestWords(asked("/a/b?secret=1"))).toEqual({
    method: "GET",
    uri: "/a/b",
    host: "web",
    version: "HTTP/1.1",
  });
  expect(requestWords(asked("?"))).toMatchObject({ uri: "" });
  expect(requestWords(asked(`/${"x".repeat(999)}`)).uri).toBe(`/${"x".repeat(999)}`);
  expect(requestWords(asked(`/${"x".repeat(1000)}`)).uri).toBe(`/${"x".repeat(999)}...`);
  expect(requestWords(asked(`/${"\xe9".repeat(1000)}?${"x".repeat(10)}`)).uri).toBe(`/${"\xe9".repeat(999)}...`);
  expect(requestWords(asked("/", "h".repeat(2000))).host).toBe(`${"h".repeat(1000)}...`);
});

test("Whoever keeps what is told keeps nothing of what is not", () => {
  const kept: object[] = [];
  const before = heapInUse();
  for (let n = 0; n < 300; n++) {
    kept.push(requestWords(asked(`/the/path/of/request/${n}?secret=${"x".repeat(LONG)}`)));
    kept.push(requestWords(asked(`/the/path/of/request/${n}/${"x".repeat(LONG)}`)));
  }
  expect((heapInUse() - before) / kept.length).toBeLessThan(2500);
  expect(kept).toHaveLength(600);
});
