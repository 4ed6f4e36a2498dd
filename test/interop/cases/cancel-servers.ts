// The servers for applications, and how each is started with its handlers.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Need } from "../machine.ts";
import { freePort, listening } from "../processes.ts";
import { program, type Stage } from "../stage.ts";
import { buildGo, GO } from "./grpc.ts";

/** Enough for all ways and both chains at once. */
const WORKERS = "8";

/** A server that has been started, and what its handlers have said: `ID WORD MILLISECONDS`, line by line. */
export interface Served {
  readonly port: number;
  said(): string;
}

type Start = (stage: Stage, ...commands: string[]) => Promise<Served>;

/** How the server of this name in the table is started. */
export interface Subject {
  readonly name: string;
  readonly needs: readonly Need[];
  readonly start: Start;
}

function subject(name: string, needs: readonly Need[], start: Start): Subject {
  return { name, needs, start };
}

/** Starts one process; it is given its port, and where to listen. */
async function serve(
  stage: Stage,
  command: string,
  args: (port: string, address: string) => readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const launch = (port: number) => ({ command, args: args(String(port), `127.0.0.1:${port}`), env });
  const { port, process: running } = await stage.serve("cancel", launch, false);
  return { port, said: () => running.said() };
}

// The servers.

function source(file: string): string {
  return program(`cancel/${file}`);
}

function inGo(what: "http" | "grpc"): Start {
  return async (stage, go = "") => serve(stage, await buildGo(stage, go, "./cancel"), (_, address) => [what, address]);
}

function inPython(args: (port: string, address: string) => readonly string[]): Start {
  return (stage, python = "") =>
    serve(stage, python, args, { PYTHONPATH: source("python"), PYTHONDONTWRITEBYTECODE: "1" });
}

const JARS = "/usr/share/java"; // where Debian has them
const NETTY = ["buffer", "codec", "codec-http", "codec-http2", "common", "handler", "resolver", "transport"].map(
  (part) => `netty-${part}`,
);
const JETTY = [
  ...["server", "servlet", "http", "io", "util", "security"].map((part) => `jetty9-${part}`),
  "servlet-api",
];
const GRPC_JAVA = [
  ...["api", "context", "core", "stub", "netty"].map((part) => `grpc-${part}`),
  "guava",
  "perfmark-api",
];

/** A program of Java and the jars it needs. */
function inJava(name: string, main: string, jars: readonly string[], packages: readonly string[]): Subject {
  const files = jars.map((jar) => `${JARS}/${jar}.jar`);
  const has: Need[] = files.map((file) => ({ probes: [["test", "-e", file]], packages }));
  const needs = [JDK, ...has];
  return subject(name, needs, async (stage, javac = "") => {
    const classes = stage.directory(`cancel-${main}`);
    const path = [classes, ...files].join(":");
    const sources = ["Work", main].map((one) => source(`java/${one}.java`));
    const { code, stderr } = await stage.processes.run(javac, ["-cp", path, "-d", classes, ...sources]);
    if (code !== 0) throw new Error(`javac: ${stderr.slice(0, 2000)}`);
    return serve(stage, "java", (port) => ["-cp", path, main, port]);
  });
}

/** FPM and an nginx before it. */
async function startFpm(stage: Stage, fpm = "", nginx = ""): Promise<Served> {
  const directory = stage.directory("cancel-fpm");
  const [port, inner] = [await freePort(), await freePort()];
  const root = process.getuid?.() === 0;
  writeFileSync(
    join(directory, "fpm.conf"),
    `[global]
error_log = /proc/self/fd/2
daemonize = no
[www]
${root ? "user = root\ngroup = root" : ""}
listen = 127.0.0.1:${inner}
pm = static
pm.max_children = ${WORKERS}
catch_workers_output = yes
decorate_workers_output = no
`,
  );
  writeFileSync(
    join(directory, "nginx.conf"),
    `${root ? "user root;" : ""} daemon off; pid ${directory}/pid; error_log stderr; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  server { listen 127.0.0.1:${port}; location / {
    fastcgi_pass 127.0.0.1:${inner};
    fastcgi_param SCRIPT_FILENAME ${source("php/index.php")};
    fastcgi_param REQUEST_METHOD $request_method; fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param QUERY_STRING $query_string;
  } }
}
`,
  );
  const options = [
    "--nodaemonize",
    "--fpm-config",
    join(directory, "fpm.conf"),
    ...(root ? ["--allow-to-run-as-root"] : []),
  ];
  const running = stage.processes.start("cancel-fpm", fpm, options);
  const front = stage.processes.start("cancel-nginx", nginx, ["-p", directory, "-c", join(directory, "nginx.conf")]);
  await listening(running, inner);
  await listening(front, port);
  return { port, said: () => running.said() };
}

// What they need. Debian's modules of Python are seen by Debian's Python.
const DEBIAN_PYTHON = "/usr/bin/python3";
const JDK: Need = { probes: [["javac", "-version"]], packages: ["default-jdk-headless"] };
const NGINX: Need = { probes: [["nginx", "-v"]], packages: ["nginx-light"] };
const PHP: Need = { probes: [["php", "-v"]], packages: ["php-cli"] };
const FPM: Need = {
  probes: ["php-fpm", "php-fpm8.2", "php-fpm8.4"].map((command) => [command, "-v"] as const),
  packages: ["php-fpm"],
};
const PUMA: Need = { probes: [["puma", "--version"]], packages: ["puma"] };
const WEBRICK: Need = { probes: [["ruby", "-rwebrick", "-e", ""]], packages: ["ruby", "ruby-webrick"] };
const GRPC_RUBY: Need = { probes: [["ruby", "-rgrpc", "-e", ""]], packages: ["ruby-grpc"] };

function pythonWith(modules: string, ...packages: readonly string[]): Need {
  const probes = ["python3", DEBIAN_PYTHON].map((command) => [command, "-c", `import ${modules}`] as const);
  return { probes, packages };
}

export const SUBJECTS: readonly Subject[] = [
  subject("net/http", [GO], inGo("http")),
  subject("node:http", [], (stage) => serve(stage, process.execPath, (port) => [source("node/http.mjs"), port])),
  inJava("com.sun.net.httpserver", "Jdk", [], []),
  inJava("Jetty 9", "Jetty", JETTY, ["libjetty9-java", "libservlet-api-java"]),
  inJava("Netty 4.1", "Netty", NETTY, ["libnetty-java"]),
  subject(
    "http.server",
    [pythonWith("http.server", "python3")],
    inPython((port) => [source("python/standard.py"), port]),
  ),
  subject(
    "gunicorn, sync workers",
    [pythonWith("gunicorn", "gunicorn")],
    inPython((_, address) => ["-m", "gunicorn", "--workers", WORKERS, "--bind", address, "wsgi"]),
  ),
  subject(
    "uvicorn",
    [pythonWith("uvicorn", "python3-uvicorn")],
    inPython((port) => ["-m", "uvicorn", "--port", port, "--log-level", "warning", "asgi:application"]),
  ),
  subject("Puma", [PUMA], (stage, puma = "") =>
    serve(stage, puma, (_, address) => [
      "-t",
      `${WORKERS}:${WORKERS}`,
      "-b",
      `tcp://${address}`,
      source("ruby/config.ru"),
    ]),
  ),
  subject("WEBrick", [WEBRICK], (stage, ruby = "") => serve(stage, ruby, (port) => [source("ruby/webrick.rb"), port])),
  subject("php -S", [PHP], (stage, php = "") =>
    serve(stage, php, (_, address) => ["-q", "-S", address, source("php/index.php")], {
      PHP_CLI_SERVER_WORKERS: WORKERS,
    }),
  ),
  subject("FPM behind nginx", [FPM, NGINX], startFpm),
  subject("grpc-go", [GO], inGo("grpc")),
  subject("grpc-js", [], (stage) => serve(stage, process.execPath, (_, address) => [source("node/grpc.mjs"), address])),
  inJava(
    "grpc-java",
    "Grpc",
    [...GRPC_JAVA, ...NETTY],
    ["libgrpc-java", "libnetty-java", "libguava-java", "libperfmark-java"],
  ),
  subject(
    "grpcio",
    [pythonWith("grpc", "python3-grpcio")],
    inPython((_, address) => [source("python/grpc_sync.py"), address]),
  ),
  subject(
    "grpc.aio",
    [pythonWith("grpc.aio", "python3-grpcio")],
    inPython((_, address) => [source("python/grpc_async.py"), address]),
  ),
  subject("grpc", [GRPC_RUBY], (stage, ruby = "") =>
    serve(stage, ruby, (_, address) => [source("ruby/grpc.rb"), address]),
  ),
];
