// Every example is valid without a warning, and does what it is an example of: started as it is written, ports and all, in a
// network in memory, with the services that its files in disco/ name.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../src/app/config.ts";
import { Linker } from "../src/app/linker.ts";
import { renderProblems } from "../src/config/problems.ts";
import { Log } from "../src/telemetry/log.ts";
import { Backend, type Behaviour } from "../test/support/backend.ts";
import { H2Caller } from "../test/support/h2-caller.ts";
import { H2Service, H2ServiceConnection } from "../test/support/h2-service.ts";
import type { H2Stream } from "../test/support/h2-stream.ts";
import { type Answer, causeOf, HttpClient } from "../test/support/http-client.ts";
import { compose, valueOf } from "../test/support/http-text.ts";
import { type MemoryWorld, memoryWorld, turn } from "../test/support/world.ts";

const here = import.meta.dirname;
const files = readdirSync(here).filter((name) => /\.(yaml|json)$/.test(name));

/** Who listens where; examples/disco says so too. */
const SERVICES = { web: 8081, "users 1": 8082, "users 2": 8083, "users-v2": 8084 };

/** An example that runs. */
class Example {
  readonly world: MemoryWorld;
  readonly backends: Readonly<Record<string, Backend>>;
  /** For what an example writes; removed at the end. */
  readonly scratch: string;

  constructor(world: MemoryWorld, backends: Readonly<Record<string, Backend>>, scratch: string) {
    this.world = world;
    this.backends = backends;
    this.scratch = scratch;
  }

  /** Sends one request on a connection of its own. */
  async ask(line: string, fields: Readonly<Record<string, string>> = {}, port = 4140): Promise<Answer> {
    const client = new HttpClient(this.world, port);
    const answer = await client.ask(compose(`${line} HTTP/1.1`, { Host: "127.0.0.1:4140", ...fields }));
    client.close();
    await turn(); // files are read in real time, also while requests are answered in no time at all
    return answer;
  }

  /** Who answers `GET /` for a Host: the name of a service, or a status. */
  async whoAnswers(host: string, fields: Readonly<Record<string, string>> = {}, port = 4140): Promise<string> {
    const { body, status } = await this.ask("GET /", { Host: host, ...fields }, port);
    return status === 200 ? body : String(status);
  }

  /** One call of gRPC with an empty message, on a connection of its own. */
  async call(path: string, metadata: Readonly<Record<string, string>> = {}): Promise<H2Stream> {
    const caller = new H2Caller(this.world, 4140);
    const head = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "127.0.0.1:4140" };
    const fields = { ...head, "content-type": "application/grpc", te: "trailers", ...metadata };
    const stream = await caller.ask(Object.entries(fields), { body: "\0\0\0\0\0" });
    caller.close();
    await turn(); // as above
    return stream;
  }

  /** What the service got last. */
  lastAt(name: string): Backend["last"] {
    return this.backends[name]?.last ?? expect.fail(`there is no service ${name}`);
  }
}

/** Answers with its name; `/never` is never answered. */
function service(name: string): Behaviour {
  return {
    request: (received, connection) => {
      if (received.target !== "/never") connection.reply(200, name);
    },
  };
}

/** A service of gRPC: answers every call with its name as metadata, and status 0 in trailers. */
async function serveGrpc(world: MemoryWorld, name: string, port: number): Promise<void> {
  const service = await H2Service.start(world, {
    request: (stream) => stream.reply(200, "\0\0\0\0\0", [["x-name", name]], [["grpc-status", "0"]]),
  });
  const listener = await world.transport.listen({ host: "127.0.0.1", port }, (stream) => {
    const connection = new H2ServiceConnection(service, service.connections.length, () => stream);
    service.connections.push(connection);
    stream.attach(connection.peer);
  });
  world.atEnd(() => listener.close());
}

/** Runs an example as it is written, but for the directory of its logs, and then stops it. */
async function run(file: string, { environment = {}, grpc = false, run: story }: Story) {
  const scratch = mkdtempSync(join(tmpdir(), "fairlead-example-"));
  try {
    await using world = memoryWorld();
    const text = readFileSync(join(here, file), "utf8").replaceAll("/tmp/", `${scratch}/`);
    const { config, problems } = await loadConfig(text, { file, environment });
    if (config === null) throw new Error(renderProblems(problems));
    const backends: Record<string, Backend> = {};
    for (const [name, port] of Object.entries(SERVICES)) {
      if (grpc) await serveGrpc(world, name, port);
      else backends[name] = await Backend.start(world, service(name), port);
    }
    const linker = await Linker.start(config, {
      log: new Log(world.env.clock, () => undefined),
      env: world.env,
      transport: (loop) => world.proxyTransport(loop),
    });
    world.atEnd(async () => {
      let stopped = false;
      void linker.stop(0).then(() => (stopped = true));
      await world.pass(1);
      await world.until("the example to stop", () => stopped);
    });
    await story(new Example(world, backends, scratch));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

const ANY_USERS = expect.stringMatching(/^users [12]$/);

interface Story {
  /** What the example shows: its name is the subject of the sentence. */
  readonly shows: string;
  readonly environment?: Record<string, string>;
  /** Its services speak gRPC. */
  readonly grpc?: boolean;
  readonly run: (example: Example) => Promise<void>;
}

const stories: Readonly<Record<string, Story>> = {
  "http-fs.yaml": { shows: "names requests by Host and finds endpoints in files", run: byHost },
  "http.json": { shows: "does the same, written in JSON", run: byHost },

  "path-identifier.yaml": {
    shows: "names requests by the first segment of their path and takes it away",
    async run(example) {
      expect((await example.ask("GET /users/42?all=1")).body).toEqual(ANY_USERS);
      expect((await example.ask("GET /web/42?all=1")).body).toBe("web");
      expect(example.lastAt("web").target).toBe("/42?all=1");
    },
  },

  "services.yaml": {
    shows: "serves names by Host, whatever its case and port, and for a limited time",
    async run(example) {
      expect(await example.whoAnswers("web")).toBe("web");
      expect((await example.ask("GET http://Users:8080/")).body).toEqual(ANY_USERS);
      expect(await example.whoAnswers("users-v2")).toBe("users-v2");
      expect(await example.whoAnswers("nobody")).toBe("502");
      const client = new HttpClient(example.world, 4140);
      client.send(compose("GET /never HTTP/1.1", { Host: "users-v2" }));
      await example.world.pass(2100);
      expect(client.answers.map(causeOf)).toEqual(["proxy.timeout.total"]);
      client.close();
    },
  },

  "header-identifier.yaml": {
    shows: "names requests by a header of their own, and without it by Host",
    async run(example) {
      expect(await example.whoAnswers("web", { "my-name": "/users" })).toEqual(ANY_USERS);
      expect(await example.whoAnswers("web")).toBe("web");
    },
  },

  "method-and-host.yaml": {
    shows: "sends what is posted to another version",
    async run(example) {
      expect((await example.ask("GET /", { Host: "users" })).body).toEqual(ANY_USERS);
      expect((await example.ask("POST /", { Host: "users", "Content-Length": "0" })).body).toBe("users-v2");
    },
  },

  "alternatives-weights.yaml": {
    shows: "sends one request in ten to users-v2, and names without a file to their address",
    async run(example) {
      expect(await example.whoAnswers("127.0.0.1:8081")).toBe("web");
      expect((await example.ask("GET http://127.0.0.1:8081/")).body).toBe("web");
      let second = 0;
      for (let i = 0; i < 300; i++) if ((await example.whoAnswers("users")) === "users-v2") second++;
      expect(second).toBeGreaterThan(10);
      expect(second).toBeLessThan(60);
    },
  },

  "linker-to-linker.yaml": {
    shows: "sends requests through the proxy beside the service, and gives that hop a timeout",
    async run(example) {
      expect(await example.whoAnswers("web")).toBe("web");
      expect(valueOf(example.lastAt("web"), "l5d-dst-client")).toBe("/%/io.l5d.localhost/#/io.l5d.fs/web");
      const { world } = example;
      const client = new HttpClient(world, 4140);
      client.send(compose("GET /never HTTP/1.1", { Host: "web" }));
      await world.pass(2100);
      expect(client.answers.map(causeOf)).toEqual(["proxy.timeout.attempt"]);
      client.close();
    },
  },
  "overrides.yaml": {
    shows: "lets testers override users and nothing else, and the public nothing",
    async run(example) {
      const staged = { baggage: "fairlead-dtab=/svc/users%3D>/svc/users-v2,tenant=7" };
      expect(await example.whoAnswers("users", staged)).toBe("users-v2");
      expect(valueOf(example.lastAt("users-v2"), "baggage")).toBe(staged.baggage);
      expect(await example.whoAnswers("users", { "l5d-dtab": "/svc/users => /svc/users-v2" })).toBe("users-v2");
      expect(await example.whoAnswers("users")).toEqual(ANY_USERS);
      expect(await example.whoAnswers("web", { "l5d-dtab": "/svc/web => /svc/users-v2" })).toBe("web");
      expect(await example.whoAnswers("users", staged, 4143)).toEqual(ANY_USERS);
    },
  },
  "static-policies.yaml": {
    shows: "gives users a shorter timeout than the rest",
    async run({ world }) {
      const [users, web] = [new HttpClient(world, 4140), new HttpClient(world, 4140)];
      users.send(compose("GET /never HTTP/1.1", { Host: "users" }));
      web.send(compose("GET /never HTTP/1.1", { Host: "web" }));
      await world.until("both requests to arrive", () => world.network.open >= 8);
      await world.pass(1100);
      expect([users.answers.length, web.answers.length]).toEqual([1, 0]);
      await world.pass(1000);
      expect(users.answers.map(causeOf)).toEqual(["proxy.timeout.total"]);
      expect(web.answers.map(causeOf)).toEqual(["proxy.timeout.attempt"]);
      users.close();
      web.close();
    },
  },

  "rewrite.yaml": {
    shows: "finds users.v2 in the file users-v2",
    async run(example) {
      expect(await example.whoAnswers("users.v2")).toBe("users-v2");
      expect(await example.whoAnswers("web")).toBe("web");
      expect(await example.whoAnswers("web.v2")).toBe("502");
    },
  },

  "prometheus.yaml": {
    shows: "shows metrics for Prometheus, with its prefix",
    async run(example) {
      expect(await example.whoAnswers("anything")).toBe("web");
      const { body } = await example.ask("GET /metrics", { Host: "127.0.0.1:9990" }, 9990);
      expect(body).toMatch(/^mesh_rt:server:requests\{rt="http", server="127.0.0.1\/4140"\} 1$/m);
    },
  },

  "tracing.yaml": {
    shows: "shows what became of a request that was to be sampled",
    async run(example) {
      await example.ask("GET /users/7?x=1", { Host: "anything", "l5d-sample": "1" }, 4140);
      const { body } = await example.ask("GET /requests.json", { Host: "127.0.0.1:9990" }, 9990);
      expect(JSON.parse(body)).toMatchObject([
        { service: "/svc/anything", uri: "/users/7", endpoint: "127.0.0.1:8081", status: 200 },
      ]);
    },
  },

  "access-log.yaml": {
    shows: "logs what went out in one file and what came in in the other",
    async run(example) {
      expect(await example.whoAnswers("web")).toBe("web");
      expect(valueOf(example.lastAt("web"), "forwarded")).toMatch(/^by=_incoming;for=10\.1\.1\.1;host=web$/);
      expect(Number(valueOf(example.lastAt("web"), "x-received-at"))).toBeGreaterThan(0);
      const read = (name: string) => readFileSync(join(example.scratch, `fairlead-${name}.log`), "utf8");
      await example.world.pass(2000);
      await example.world.until("the lines", () => read("outgoing") !== "" && read("incoming") !== "");
      expect(read("outgoing")).toMatch(/^web 127\.0\.0\.1 - - \[.*\] "GET \/ HTTP\/1\.1" 200 3 "-" "-"\n$/);
      expect(JSON.parse(read("incoming"))).toMatchObject({ status: 200 });
    },
  },

  "grpc.yaml": {
    shows: "sends calls of gRPC where service and method lead, and says in a gRPC status when that is nowhere",
    grpc: true,
    async run(example) {
      const whoAnswers = async (path: string, metadata: Readonly<Record<string, string>> = {}) => {
        const stream = await example.call(path, metadata);
        expect([stream.status, stream.trailer("grpc-status")]).toEqual([200, "0"]);
        return stream.value("x-name");
      };
      expect(await whoAnswers("/shop.Users/Get")).toEqual(ANY_USERS);
      expect(await whoAnswers("/shop.Users/Find")).toBe("users-v2");
      expect(await whoAnswers("/shop.Web/Show")).toBe("web");
      const override = { "l5d-dtab": "/svc/shop.Users => /#/io.l5d.fs/users-v2" };
      expect(await whoAnswers("/shop.Users/Get", override)).toBe("users-v2");
      const lost = await example.call("/shop.Nobody/Get");
      expect([lost.status, lost.value("grpc-status"), lost.cause]).toEqual([200, "14", "proxy.bind.no-such-name"]);
    },
  },

  "modern.yaml": {
    shows: "takes values from the environment, and trusts nobody's overrides at the edge",
    environment: { HTTP_PORT: "4199", ADMIN_PORT: "9991" },
    async run(example) {
      expect(await example.whoAnswers("web", { "l5d-dtab": "/svc/web => /svc/users" }, 4199)).toBe("web");
      const { body } = await example.ask("GET /admin/ping", { Host: "127.0.0.1:9991" }, 9991);
      expect(body).toBe("pong");
    },
  },
};

async function byHost(example: Example): Promise<void> {
  expect(await example.whoAnswers("web")).toBe("web");
  expect(await example.whoAnswers("users")).toEqual(ANY_USERS);
  expect(await example.whoAnswers("users", { "l5d-dtab": "/svc/users => /svc/users-v2" })).toBe("users-v2");
  expect(await example.whoAnswers("nobody")).toBe("502");
}

test("every example has a story here", () => {
  expect(Object.keys(stories).sort()).toEqual(files.sort());
});

test.for(files)("the example %s is valid", async (file) => {
  const { config, problems } = await loadConfig(readFileSync(join(here, file), "utf8"), { file, environment: {} });
  expect(renderProblems(problems)).toBe("");
  expect(config?.routers.length).toBeGreaterThan(0);
});

test.for(Object.entries(stories).map(([file, story]) => ({ file, ...story })))(
  "the example $file $shows",
  async ({ file, ...story }) => {
    expect.hasAssertions();
    await run(file, story);
  },
);
