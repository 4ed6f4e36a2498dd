// A configuration of Linkerd 1.x runs unchanged: as it is written, ports and all, in a network in memory. Only its directory of
// names is that of the test.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { Backend, type Behaviour } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { type Answer, causeOf, HttpClient } from "../support/http-client.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld, turn } from "../support/world.ts";

const YAML = readFileSync(join(import.meta.dirname, "linkerd1.yaml"), "utf8");
const [BY_HOST, BY_PATH, BY_HEADER, EDGE, ADMIN] = [4140, 4141, 4142, 4143, 9990];

/** Answers with a name; `/never` is never answered. */
function named(name: string): Behaviour {
  return {
    request: (received, connection) => {
      if (received.target !== "/never") connection.reply(200, name);
    },
  };
}

/** Linkerd 1.x as its users ran it: a file, a directory of names, two versions of users. */
class Mesh implements AsyncDisposable {
  readonly world: MemoryWorld;
  readonly disco: Disco;
  readonly users: Backend;
  readonly usersV2: Backend;
  readonly proxy: Proxy;

  private constructor(world: MemoryWorld, disco: Disco, users: Backend, usersV2: Backend, proxy: Proxy) {
    this.world = world;
    this.disco = disco;
    this.users = users;
    this.usersV2 = usersV2;
    this.proxy = proxy;
  }

  static async start(): Promise<Mesh> {
    const world = memoryWorld();
    const disco = new Disco(world);
    const users = await Backend.start(world, named("users"));
    const usersV2 = await Backend.start(world, named("users-v2"));
    for (const name of ["users", "hurried", "impatient"]) disco.write(name, [users]);
    disco.write("users-v2", [usersV2]);
    const proxy = await Proxy.start(world, { text: YAML.replace("rootDir: disco", `rootDir: ${disco.directory}`) });
    return new Mesh(world, disco, users, usersV2, proxy);
  }

  async ask(port: number, target: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const client = new HttpClient(this.world, port);
    const answer = await client.ask(compose(`GET ${target} HTTP/1.1`, { Host: "users", ...fields }));
    client.close();
    await turn(); // files are read in real time, also while requests are answered in no time at all
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _world = this.world;
    await using _proxy = this.proxy;
  }
}

test("The file is accepted with one warning, of a key that has no effect", async () => {
  const { config, problems } = await loadConfig(YAML, { file: "linkerd1.yaml", environment: {} });
  expect(problems.map(({ path, severity }) => [path, severity])).toEqual([["usage", "warning"]]);
  expect(config?.mode).toBe("linkerd");
  expect(config?.routers.map(({ label }) => label)).toEqual(["by-host", "by-path", "by-header", "edge"]);
});

test("Requests are named by Host, by path and by header, each on the port it says", async () => {
  await using mesh = await Mesh.start();
  expect((await mesh.ask(BY_HOST, "/")).body).toBe("users");
  expect((await mesh.ask(BY_PATH, "/users-v2/42?a=1")).body).toBe("users-v2");
  expect(mesh.usersV2.last.target).toBe("/42?a=1");
  expect((await mesh.ask(BY_HEADER, "/", { "l5d-name": "/users-v2" })).body).toBe("users-v2");
  expect((await mesh.ask(BY_HEADER, "/")).body).toBe("users");
  expect((await mesh.ask(ADMIN, "/admin/ping", { Host: "127.0.0.1" })).body).toBe("pong");
});

test("The first alternative that exists answers; what fails does not fall through", async () => {
  await using mesh = await Mesh.start();
  expect((await mesh.ask(BY_HOST, "/", { Host: mesh.usersV2.address })).body).toBe("users-v2");
  expect((await mesh.ask(BY_HEADER, "/", { "l5d-name": "/v2" })).body).toBe("users-v2");
  expect(causeOf(await mesh.ask(BY_HEADER, "/", { "l5d-name": "/old" }))).toBe("proxy.bind.fail");
  expect(causeOf(await mesh.ask(BY_HOST, "/", { Host: "nobody" }))).toBe("proxy.bind.no-such-name");
});

test("One request in ten tries the canary", async () => {
  await using mesh = await Mesh.start();
  for (let i = 0; i < 500; i++) await mesh.ask(BY_HOST, "/", { Host: "shop" });
  expect(mesh.usersV2.requests.length).toBeGreaterThan(25);
  expect(mesh.usersV2.requests.length).toBeLessThan(85);
});

test("An override holds for one request, is passed on, and means nothing at the edge", async () => {
  await using mesh = await Mesh.start();
  const override = { "l5d-dtab": "/svc/users => /svc/users-v2" };
  expect((await mesh.ask(BY_HOST, "/", override)).body).toBe("users-v2");
  expect(valueOf(mesh.usersV2.last, "l5d-ctx-dtab")).toBe("/svc/users=>/svc/users-v2");
  expect(valueOf(mesh.usersV2.last, "l5d-dst-client")).toBe("/#/io.l5d.fs/users-v2");
  expect((await mesh.ask(BY_HOST, "/")).body).toBe("users");
  expect((await mesh.ask(EDGE, "/", override)).body).toBe("users");
  expect(valueOf(mesh.users.last, "forwarded")).toBe("by=_edge;for=127.0.0.1;host=users");
});

test("Static policies apply by service and by client", async () => {
  await using mesh = await Mesh.start();
  for (const [host, afterMs, cause] of [
    ["hurried", 300, "proxy.timeout.total"],
    ["impatient", 200, "proxy.timeout.attempt"],
  ] as const) {
    const client = new HttpClient(mesh.world, BY_HOST);
    client.send(compose("GET /never HTTP/1.1", { Host: host }));
    await mesh.users.received(mesh.users.requests.length + 1);
    await mesh.world.pass(afterMs - 50);
    expect(client.answers).toEqual([]);
    await mesh.world.pass(200);
    expect(client.answers.map((answer) => [answer.status, causeOf(answer)])).toEqual([[503, cause]]);
    client.close();
  }
});

test("A file that changes moves the traffic, and no request is lost on the way", async () => {
  await using mesh = await Mesh.start();
  expect((await mesh.ask(BY_HOST, "/")).body).toBe("users");
  mesh.disco.write("users", [mesh.usersV2]);
  const seen = new Set<string>();
  for (let i = 0; i < 2000 && !seen.has("users-v2"); i++) {
    const { body, status } = await mesh.ask(BY_HOST, "/");
    expect(status).toBe(200);
    seen.add(body);
    await mesh.world.pass(10);
  }
  expect((await mesh.ask(BY_HOST, "/")).body).toBe("users-v2");
});
