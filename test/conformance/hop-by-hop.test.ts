// Which header lines stop at the proxy, and what a `Connection` header can and cannot do (RFC 9110 §7.6.1).
import { expect, test } from "vitest";
import { compose, type Fields, valueOf } from "../support/http-text.ts";
import { get, memoryScene } from "../support/scene.ts";

const OWN = ["via", "l5d-dst-service", "l5d-dst-client", "l5d-reqid", "l5d-ctx-trace"];

/** What the service got of the caller's fields. */
async function forwarded(lines: readonly string[]): Promise<string[]> {
  await using scene = await memoryScene();
  await scene.connect().ask(`GET / HTTP/1.1\r\nHost: web\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  return without(scene.backend.last.fields, ["host", ...OWN]);
}

/** What the caller got of the service's fields. */
async function answered(lines: readonly string[]): Promise<string[]> {
  await using scene = await memoryScene(
    {},
    {
      request: (_, connection) =>
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`),
    },
  );
  const answer = await scene.connect().ask(get());
  return without(answer.fields, ["content-length", "via", "l5d-success-class"]);
}

function without(fields: Fields, names: readonly string[]): string[] {
  return fields.filter(([name]) => !names.includes(name)).map(([name, value]) => `${name}: ${value}`);
}

const STOPPED: readonly string[][] = [
  ["Connection: keep-alive"],
  ["Keep-Alive: timeout=5"],
  ["Proxy-Connection: keep-alive"],
  ["Proxy-Authenticate: Basic"],
  ["Proxy-Authorization: Basic x"],
  ["Upgrade: h2c"],
  ["TE: gzip"],
  ["TE: trailers, gzip"],
  ["Connection: X-One", "X-One: 1"],
  ["Connection: x-one,, X-TWO ,", "X-One: 1", "X-Two: 2"],
  ["X-One: 1", "Connection: X-One"],
  ["Connection: X-One", "X-One: 1", "x-ONE: 2"],
  ["Connection: close, X-One", "X-One: 1"],
  ["Connection: X-One", "Connection: X-Two", "X-One: 1", "X-Two: 2"],
  ["Connection: cookie", "Cookie: a=b"],
];

const PASSED: readonly (readonly [name: string, lines: string[], passed: string[]])[] = [
  ["TE: trailers", ["TE: trailers"], ["te: trailers"]],
  ["Trailer", ["Trailer: X-Sum"], ["trailer: X-Sum"]],
  ["a field that Connection does not name", ["Connection: X-One", "X-Oneself: 1"], ["x-oneself: 1"]],
  ["a name inside another", ["Connection: One", "X-One: 1"], ["x-one: 1"]],
  ["a quoted name", ['Connection: "X-One"', "X-One: 1"], ["x-one: 1"]],
  ["X-Forwarded-For", ["Connection: X-Forwarded-For", "X-Forwarded-For: 10.0.0.1"], ["x-forwarded-for: 10.0.0.1"]],
  ["X-Forwarded-Proto", ["Connection: X-Forwarded-Proto", "X-Forwarded-Proto: https"], ["x-forwarded-proto: https"]],
  ["Forwarded", ["Connection: Forwarded", "Forwarded: for=_a"], ["forwarded: for=_a"]],
  ["a context header of the mesh", ["Connection: l5d-custom", "l5d-custom: 1"], ["l5d-custom: 1"]],
  ["a header of ours", ["Connection: fairlead-custom", "fairlead-custom: 1"], ["fairlead-custom: 1"]],
  ["Expect", ["Connection: Expect", "Expect: 100-continue"], ["expect: 100-continue"]],
];

test.each(STOPPED)("%s stops, in requests and in answers", async (...lines) => {
  expect(await forwarded(lines)).toEqual([]);
  expect(await answered(lines)).toEqual([]);
});

test.each(PASSED)("Connection cannot stop %s", async (_, lines, passed) => {
  expect(await forwarded(lines)).toEqual(passed);
  expect(await answered(lines)).toEqual(passed);
});

test("Connection: Host, Content-Length, Via, Transfer-Encoding changes neither routing nor framing", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(
    compose(
      "POST / HTTP/1.1",
      { Host: "web", Via: "1.1 a", Connection: "Host, Content-Length, Via, Transfer-Encoding" },
      "hello",
    ),
  );
  expect(scene.backend.last).toMatchObject({ body: "hello" });
  expect(valueOf(scene.backend.last, "host")).toBe("web");
  expect(valueOf(scene.backend.last, "via")).toBe("1.1 a, 1.1 fairlead");
  expect((await client.ask(get())).status).toBe(200);
});

test("Connection: l5d-ctx-trace cannot cut a trace", async () => {
  await using scene = await memoryScene();
  const trace = Buffer.alloc(32, 7).toString("base64");
  await scene
    .connect()
    .ask(get("/", { Connection: "l5d-ctx-trace, l5d-dtab", "l5d-ctx-trace": trace, "l5d-dtab": "/x=>/y" }));
  expect(valueOf(scene.backend.last, "l5d-reqid")).toBe("0707070707070707");
  expect(valueOf(scene.backend.last, "l5d-ctx-dtab")).toBe("/x=>/y");
});

test("everything else passes byte for byte and in order", async () => {
  const lines = ["B: 2", "a:1", "B:   3", "Accept-Language:\tde", "X-Odd: \xe4\xf6", "Cookie: a=b; c=d"];
  const passed = ["b: 2", "a: 1", "b: 3", "accept-language: de", "x-odd: \xe4\xf6", "cookie: a=b; c=d"];
  expect(await forwarded(lines)).toEqual(passed);
  expect(await answered(lines)).toEqual(passed);
  await using scene = await memoryScene();
  await scene.connect().ask(`GET / HTTP/1.1\r\nHost: web\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`);
  expect(scene.backend.last.raw).toContain(`Host: web\r\n${lines.map((line) => `${line}\r\n`).join("")}Via: `);
});
