// Programs of others on both sides of a fairlead over unix sockets: callers on sockets of its own, services whose sockets lie in a directory.
import { deepEqual, equal, match } from "node:assert/strict";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../ask.ts";
import { Discovery } from "../fairlead.ts";
import type { Need } from "../machine.ts";
import { freePort, listening, type Running } from "../processes.ts";
import { startSidecar } from "../sidecar.ts";
import { type Peer, program, type Stage } from "../stage.ts";
import { curl } from "./curl.ts";
import { buildGo, GO } from "./grpc.ts";
import { nginx } from "./nginx.ts";

const MEGABYTE = 1_000_000;
const LARGE = Buffer.alloc(2 * MEGABYTE, "0123456789");
const PATIENCE_MS = 10_000;
const LOOK_MS = 20;

const GUNICORN: Need = {
  probes: ["python3", "/usr/bin/python3"].map((command) => [command, "-c", "import gunicorn"] as const),
  packages: ["gunicorn"],
};

/** Sockets and directories. */
interface Place {
  /** Where fairlead listens. */
  readonly http: string;
  readonly h2: string;
  /** Each socket in it is a service by its name. */
  readonly services: string;
  readonly disco: Discovery;
  readonly directory: string;
}

export const unixSockets: Peer = {
  name: "unix sockets",
  named: true,
  needs: [...curl.needs, ...nginx.needs, GUNICORN, GO],
  async run(stage, command = "", server = "", python = "", go = "") {
    const place = await start(stage);
    const front = await startNginx(stage, server, place);
    await startGunicorn(stage, python, place);
    await byCurl(stage, command, place);
    await stage.report.case("nginx asks it over its socket: 100 pages, 2 MB there and back", async () => {
      for (let i = 0; i < 100; i++) equal((await ask(front, "gunicorn", "/a")).text, "gunicorn got /a of gunicorn\n");
      equal((await ask(front, "gunicorn", "/", { body: LARGE })).body.equals(LARGE), true);
    });
    await byGo(stage, go, place);
    await byGrpc(stage, go, place);
  },
};

async function start(stage: Stage): Promise<Place> {
  const directory = stage.directory("unix");
  const services = join(directory, "services");
  mkdirSync(services);
  const disco = new Discovery(join(directory, "disco"));
  const [http, h2] = [join(directory, "http.sock"), join(directory, "h2.sock")];
  const dtab = "/svc => /#/here | /#/io.l5d.fs;";
  const client = { kind: "io.l5d.static", configs: [{ prefix: "/#/here/gunicorn", protocol: "http/1.1" }] };
  await startSidecar(stage, "unix-fairlead", {
    namers: [
      { kind: "io.l5d.fs", rootDir: disco.directory },
      { kind: "io.l5d.fs", prefix: "/here", rootDir: services },
    ],
    routers: [
      { protocol: "http", dtab, servers: [{ socket: http, socketMode: "0666" }] },
      { protocol: "h2", dtab, client, servers: [{ socket: h2 }] },
    ],
  });
  return { http, h2, services, disco, directory };
}

/** Behind fairlead a server of files, and before it a proxy; answers where the proxy is. */
async function startNginx(stage: Stage, command: string, { directory, http, services }: Place): Promise<string> {
  const front = await freePort();
  const scratch = join(directory, "nginx");
  mkdirSync(join(scratch, "root"), { recursive: true });
  writeFileSync(join(scratch, "root/big"), Buffer.alloc(10 * MEGABYTE, "nginx"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${scratch}/${name};`).join(" ");
  writeFileSync(
    join(scratch, "nginx.conf"),
    `${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off; pid ${scratch}/pid; error_log stderr; worker_processes 1; events { worker_connections 64; }
    http {
      access_log off; ${paths} client_max_body_size 20m;
      upstream fairlead { server unix:${http}; keepalive 4; }
      server { listen unix:${services}/nginx; root ${scratch}/root; }
      server { listen 127.0.0.1:${front}; location / {
        proxy_pass http://fairlead; proxy_set_header Host $host; proxy_http_version 1.1; proxy_set_header Connection "";
      } }
    }`,
  );
  const running = stage.processes.start("unix-nginx", command, ["-p", scratch, "-c", join(scratch, "nginx.conf")]);
  await listening(running, front);
  return `127.0.0.1:${front}`;
}

async function startGunicorn(stage: Stage, python: string, { services }: Place): Promise<Running> {
  const socket = join(services, "gunicorn");
  const args = ["-m", "gunicorn", "--workers", "2", "--log-level", "error", "--bind", `unix:${socket}`, "wsgi"];
  const env = { PYTHONPATH: program("unix"), PYTHONDONTWRITEBYTECODE: "1" };
  const running = stage.processes.start("unix-gunicorn", python, args, { env });
  await until(() => existsSync(socket));
  return running;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await holds()); waitedMs += LOOK_MS) {
    if (waitedMs > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms in vain`);
    await sleep(LOOK_MS);
  }
}

async function byCurl(
  { processes, report }: Stage,
  command: string,
  { disco, h2, http, services }: Place,
): Promise<void> {
  const curl = (socket: string, ...args: string[]) =>
    processes.run(command, ["--silent", "--show-error", "--max-time", "20", "--unix-socket", socket, ...args]);

  await report.case("curl asks each service whose socket is in the directory, over one connection", async () => {
    const { stdout } = await curl(http, "-w", "%{num_connects}\n", ...Array<string>(10).fill("http://gunicorn/page"));
    equal(stdout, `gunicorn got /page of gunicorn\n1\n${"gunicorn got /page of gunicorn\n0\n".repeat(9)}`);
    const big = await curl(http, "-w", "%{http_code} %{size_download}", "-o", "/dev/null", "http://nginx/big");
    equal(big.stdout, `200 ${10 * MEGABYTE}`);
  });

  await report.case("curl asks a service whose socket a file names", async () => {
    writeFileSync(join(disco.directory, "web"), `unix:${services}/gunicorn\n`);
    equal((await curl(http, "http://web/")).stdout, "gunicorn got / of web\n");
  });

  await report.case("curl uploads 2 MB in chunks and gets them back", async () => {
    const file = join(disco.directory, "../large");
    writeFileSync(file, LARGE);
    const { stdout } = await curl(http, "-T", file, "-H", "Transfer-Encoding: chunked", "http://gunicorn/");
    equal(stdout, LARGE.toString());
  });

  await report.case("curl is told why: no such name, a socket at which nobody listens any more", async () => {
    writeFileSync(join(disco.directory, "gone"), `unix:${services}/gone\n`);
    for (const [name, cause] of [
      ["nobody", "proxy.bind.no-such-name"],
      ["gone", "upstream.connect.failed"],
    ] as const) {
      const { stdout } = await curl(http, "--include", `http://${name}/`);
      match(stdout, /^HTTP\/1\.1 502 /);
      equal(/^fairlead-cause: ([^;\s]+)/im.exec(stdout)?.[1], cause);
    }
  });

  await report.case("curl speaks HTTP/2 there to a service of HTTP/1.1", async () => {
    const { stdout } = await curl(h2, "--http2-prior-knowledge", "-w", "%{http_version}", "http://gunicorn/page");
    equal(stdout, "gunicorn got /page of gunicorn\n2");
  });

  await report.case("its sockets have the modes of the file, and those of the default", () => {
    deepEqual([statSync(http).mode & 0o777, statSync(h2).mode & 0o777], [0o666, 0o660]);
  });
}

async function byGo(stage: Stage, go: string, { directory, http, services }: Place): Promise<void> {
  const binary = join(directory, "go");
  const built = await stage.processes.run(go, ["build", "-o", binary, program("unix/main.go")], { timeoutMs: 120_000 });
  if (built.code !== 0) throw new Error(`go build: ${built.stderr}`);
  const socket = join(services, "go");
  const running = stage.processes.start("unix-go", binary, ["serve", socket]);
  await until(() => existsSync(socket));
  await stage.client(binary, ["ask", http]);

  await stage.report.case(
    "a service that ends without a word is refused; started anew, it is asked again",
    async () => {
      const page = async () => {
        const args = ["--silent", "--max-time", "5", "--unix-socket", http, "-w", "%{http_code}", "-o", "/dev/null"];
        return (await stage.processes.run("curl", [...args, "http://go/page"])).stdout;
      };
      equal(await page(), "200");
      running.signal("SIGKILL"); // its socket stays
      await running.ended;
      equal(existsSync(socket), true);
      equal(await page(), "502");
      await stage.processes.run("rm", [socket]);
      stage.processes.start("unix-go-again", binary, ["serve", socket]);
      await until(async () => (await page()) === "200");
    },
  );
}

/** grpcurl on fairlead's socket, grpc-go on one of its own. */
async function byGrpc(stage: Stage, go: string, { h2, services }: Place): Promise<void> {
  const command = await buildGo(stage, go, "github.com/fullstorydev/grpcurl/cmd/grpcurl");
  const service = await buildGo(stage, go, ".");
  const socket = join(services, "grpc");
  stage.processes.start("unix-grpc", service, ["serve", `unix:${socket}`]);
  await until(() => existsSync(socket));
  await stage.report.case("grpcurl calls grpc-go, both on unix sockets", async () => {
    const options = ["-plaintext", "-max-time", "10", "-authority", "grpc"];
    const call = ["-d", '{"response_size": 3}', `unix:${h2}`, "grpc.testing.TestService/UnaryCall"];
    const { stderr, stdout } = await stage.processes.run(command, [...options, ...call]);
    equal(stderr, "");
    deepEqual(JSON.parse(stdout), { payload: { body: "AAAA" } });
  });
}
