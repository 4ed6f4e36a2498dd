// nginx behind fairlead as a server of files, and before it as a proxy.
import { deepEqual, equal } from "node:assert/strict";
import { Agent } from "node:http";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

const MEGABYTE = 1_000_000;

export const nginx: Peer = {
  name: "nginx",
  named: true,
  needs: [{ probes: [["nginx", "-v"]], packages: ["nginx-light"] }],
  async run(stage, command) {
    const [files, old, kept] = [await freePort(), await freePort(), await freePort()];
    const directory = stage.directory("nginx");
    writeFileSync(join(directory, "nginx.conf"), configuration(stage, directory, { files, old, kept }));
    const root = join(directory, "root");
    mkdirSync(root);
    writeFileSync(join(root, "big"), Buffer.alloc(10 * MEGABYTE, "nginx"));
    writeFileSync(join(root, "small"), "from nginx\n");
    chmodSync(root, 0o755);
    const running = stage.processes.start("nginx", command, ["-p", directory, "-c", join(directory, "nginx.conf")]);
    await listening(running, kept);
    stage.fairlead.disco.put("nginx", [files]);
    await behind(stage);
    await before(stage, old, kept);
  },
};

function configuration(
  { fairlead }: Stage,
  directory: string,
  ports: { files: number; old: number; kept: number },
): string {
  const proxied = `proxy_pass http://fairlead; proxy_set_header Host users; proxy_request_buffering off;`;
  return `
    ${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off; pid ${directory}/pid; error_log stderr; worker_processes 1;
    events { worker_connections 512; }
    http {
      access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
      fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
      client_max_body_size 20m;
      upstream fairlead { server ${fairlead.byHost}; keepalive 8; }
      server { listen 127.0.0.1:${ports.files}; root ${directory}/root; }
      # As nginx does it unless told otherwise: HTTP/1.0, a connection per request.
      server { listen 127.0.0.1:${ports.old}; location / { ${proxied} } }
      server { listen 127.0.0.1:${ports.kept};
        location / { ${proxied} proxy_http_version 1.1; proxy_set_header Connection ""; } }
    }`;
}

async function behind({ fairlead, report }: Stage): Promise<void> {
  const { byHost } = fairlead;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = (path: string, headers = {}) => ask(byHost, "nginx", path, { agent, headers });

  await report.case("sends a file of 10 MB ten times over one connection", async () => {
    for (let i = 0; i < 10; i++) equal((await get("/big")).body.length, 10 * MEGABYTE);
  });

  await report.case("sends a range, and says that a file has not changed", async () => {
    const range = await get("/big", { range: "bytes=5-9" });
    deepEqual([range.status, range.text, range.headers["content-range"]], [206, "nginx", `bytes 5-9/${10 * MEGABYTE}`]);
    const etag = String((await get("/small")).headers["etag"]);
    const unchanged = await get("/small", { "if-none-match": etag });
    deepEqual([unchanged.status, unchanged.text], [304, ""]);
    equal((await get("/small")).text, "from nginx\n");
  });

  await report.case("refuses what is not there and methods it does not know, over the same connection", async () => {
    equal((await get("/none")).status, 404);
    equal((await ask(byHost, "nginx", "/small", { agent, body: Buffer.alloc(1000) })).status, 405);
    equal((await ask(byHost, "nginx", "/small", { agent, method: "HEAD" })).headers["content-length"], "11");
    equal((await get("/small")).text, "from nginx\n");
    agent.destroy();
  });
}

async function before({ report }: Stage, old: number, kept: number): Promise<void> {
  const body = Buffer.alloc(3 * MEGABYTE, "0123456789");
  for (const [how, port] of [
    ["in HTTP/1.0", old],
    ["in HTTP/1.1 with kept connections", kept],
  ] as const) {
    await report.case(`stands before fairlead ${how}`, async () => {
      const address = `127.0.0.1:${port}`;
      for (let i = 0; i < 100; i++) equal((await ask(address, "any", "/hello")).text, "users hello\n");
      const chunks = await ask(address, "any", "/chunks");
      equal(chunks.text.split("\n").length, 11);
      equal((await ask(address, "any", "/echo", { body })).body.equals(body), true);
      equal((await ask(address, "any", "/nothing")).status, 204);
    });
  }
}
