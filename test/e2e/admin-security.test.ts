// `admin.security` of a whole proxy: what is denied is not there, and nothing tells of it.
import { expect, test } from "vitest";
import { type Answer, HttpClient } from "../support/http-client.ts";
import { compose } from "../support/http-text.ts";
import { memoryScene } from "../support/scene.ts";

type Send = (line: string) => Promise<Answer>;

async function withAdmin(security: object, play: (send: Send) => Promise<void>): Promise<void> {
  const telemetry = [{ kind: "io.l5d.prometheus", path: "/scrape" }];
  const routers = [{ protocol: "http", servers: [{ port: 0 }] }];
  const text = JSON.stringify({ admin: { port: 0, security }, telemetry, routers });
  await using scene = await memoryScene({ text });
  const port = scene.proxy.linker.admin?.listener.port ?? expect.fail("there is no admin server");
  const client = new HttpClient(scene.world, port);
  await play((line) => client.ask(compose(`${line} HTTP/1.1`, { Host: "localhost" }, "")));
}

async function statuses(send: Send, lines: readonly string[]): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (const line of lines) answers[line] = (await send(line)).status;
  return answers;
}

test("Without control nothing can be changed, and no list tells of what could be", async () => {
  await withAdmin({ controlEnabled: false }, async (send) => {
    const lines = [
      "GET /logging",
      "GET /logging.json",
      "POST /logging.json?logger=root&level=OFF",
      "POST /admin/shutdown",
      "GET /admin/shutdown",
      "POST /admin/access-logs/reopen",
      "POST /logging?logger=root&level=OFF",
      "GET /config.json",
      "GET /admin/ping",
    ];
    expect(Object.values(await statuses(send, lines))).toEqual([200, 404, 404, 404, 404, 404, 405, 200, 200]);
    for (const list of [await send("GET /admin"), await send("GET /nothing"), await send("POST /admin/shutdown")]) {
      expect(list.body).toContain("/admin/ping");
      expect(list.body).not.toMatch(/^(?:GET, )?POST +\/(?!delegator)|logging\.json|reopen/m);
    }
  });
});

test("With one category off its whitelist is served, in another what is on the blacklist is not, Prometheus included", async () => {
  const security = {
    diagnosticsEnabled: false,
    pathWhitelist: ["/admin/(ping|ready)", "/namer_state/io\\.l5d\\.[a-z]+\\.json"],
    pathBlacklist: ["/config\\.json", "/admin/metrics.*", "/admin/ping"],
  };
  await withAdmin(security, async (send) => {
    const lines = [
      "GET /",
      "GET /config.json",
      "GET /config%2Ejson",
      "GET /admin/metrics.json",
      "GET /metrics.json",
      "GET /scrape",
      "GET /admin/metrics/prometheus",
      "GET /admin/ping",
      "GET /admin/ready",
      "GET /admin",
      "GET /client_state.json",
      "GET /routers/http/stack.json",
      "GET /namer_state/%2Fetc.json",
      "GET /namer_state/<prefix>.json",
    ];
    expect(Object.values(await statuses(send, lines)).join(" ")).toBe(
      "200 404 404 404 200 404 404 200 200 404 404 404 404 404",
    );
    // Served, so what is said is about the namer.
    expect((await send("GET /namer_state/io.l5d.fs.json")).body).not.toContain("there is no /namer_state");
    const { body } = await send("GET /");
    expect(body).toContain('href="/logging"');
    expect(body).not.toMatch(/href="\/(?:config|client_state|admin)/);
  });
});

test("Neither a long path nor a catastrophic pattern holds the admin server up", async () => {
  await withAdmin({ pathBlacklist: ["/namer_state/(a+)+\\.json"] }, async (send) => {
    const begunMs = performance.now();
    for (let i = 0; i < 20; i++) expect((await send(`GET /namer_state/${"a".repeat(60)}!.json`)).status).toBe(404);
    expect((await send(`GET /namer_state/${"a".repeat(5000)}.json`)).status).toBe(404);
    expect(performance.now() - begunMs).toBeLessThan(5000); // the pattern alone would take years
    expect((await send("GET /admin/ping")).body).toBe("pong");
  });
});
