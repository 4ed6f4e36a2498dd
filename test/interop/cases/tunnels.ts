// CONNECT by programs of others: tunnels through a router that takes it, plain and with TLS inside, and what they are told by one that does not.
import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Need } from "../machine.ts";
import { type Ended, freePort, listening } from "../processes.ts";
import { startSidecar } from "../sidecar.ts";
import { type Peer, program, type Stage } from "../stage.ts";
import { curl } from "./curl.ts";
import { go, python } from "./languages.ts";
import { nginx } from "./nginx.ts";

const BIG_BYTES = 10_000_000;
const OPENSSL: Need = { probes: [["openssl", "version"]], packages: ["openssl"] };
const NEEDS = [OPENSSL, ...nginx.needs];

/** host:port of routers, and the certificate of the service behind them. */
interface Routers {
  /** `connect: true`. */
  readonly open: string;
  /** As it is by default. */
  readonly closed: string;
  readonly certificate: string;
}

/** All share one fairlead, which is started for the first of them. */
let routers: Promise<Routers> | null = null;

export const tunnels: readonly Peer[] = [
  {
    name: "CONNECT: curl",
    named: true,
    needs: [...NEEDS, ...curl.needs],
    run: async (stage, openssl = "", server = "", command = "") => {
      await byCurl(stage, await (routers ??= start(stage, openssl, server)), command);
    },
  },
  {
    name: "CONNECT: Python",
    named: true,
    needs: [...NEEDS, ...python.needs],
    run: async (stage, openssl = "", server = "", command = "") => {
      const { certificate, closed, open } = await (routers ??= start(stage, openssl, server));
      await stage.client(command, [program("tunnel/client.py"), open, closed, certificate]);
    },
  },
  {
    name: "CONNECT: Go",
    named: true,
    needs: [...NEEDS, ...go.needs],
    run: async (stage, openssl = "", server = "", command = "") => {
      const { certificate, closed, open } = await (routers ??= start(stage, openssl, server));
      const binary = join(stage.directory("tunnels"), "client");
      await succeed(stage, command, ["build", "-o", binary, program("tunnel/client.go")]);
      await stage.client(binary, [open, closed, certificate]);
    },
  },
  {
    name: "CONNECT: Node",
    named: true,
    needs: NEEDS,
    run: async (stage, openssl = "", server = "") => byNode(stage, await (routers ??= start(stage, openssl, server))),
  },
];

async function succeed(stage: Stage, command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await stage.processes.run(command, args, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.slice(0, 2000)}`);
}

/** Behind the routers: `users`, and an nginx that is called `secure` and speaks TLS. */
async function start(stage: Stage, openssl: string, server: string): Promise<Routers> {
  const directory = stage.directory("tunnels");
  const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const subject = ["-subj", "/CN=secure", "-addext", "subjectAltName=DNS:secure", "-days", "2", "-nodes"];
  await succeed(stage, openssl, [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...[...subject, "-keyout", key, "-out", certificate],
  ]);
  const port = await freePort();
  mkdirSync(join(directory, "root"));
  writeFileSync(join(directory, "root/small"), "in secret\n");
  writeFileSync(join(directory, "root/big"), Buffer.alloc(BIG_BYTES, "fairlead"));
  writeFileSync(
    join(directory, "nginx.conf"),
    `${process.getuid?.() === 0 ? "user root;" : ""}
    daemon off; pid ${directory}/pid; error_log stderr; worker_processes 1; events { worker_connections 64; }
    http {
      access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy;
      fastcgi_temp_path ${directory}/fastcgi; uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
      server { listen 127.0.0.1:${port} ssl http2; root ${directory}/root; ssl_certificate ${certificate}; ssl_certificate_key ${key}; }
    }`,
  );
  const running = stage.processes.start("secure", server, ["-p", directory, "-c", join(directory, "nginx.conf")]);
  await listening(running, port);
  stage.fairlead.disco.put("secure", [port]);
  stage.fairlead.disco.put("down", [await freePort()]);

  const [open, closed] = [await freePort(), await freePort()];
  const router = {
    protocol: "http",
    dtab: `
      /svc => /#/io.l5d.fs;
      /connect/users/80   => /#/io.l5d.fs/users;
      /connect/secure/443 => /#/io.l5d.fs/secure;
      /connect/down/80    => /#/io.l5d.fs/down;`,
  };
  await startSidecar(stage, "tunnels", {
    namers: [{ kind: "io.l5d.fs", rootDir: stage.fairlead.disco.directory }],
    routers: [
      { ...router, label: "open", servers: [{ ip: "127.0.0.1", port: open, connect: true }] },
      { ...router, label: "closed", servers: [{ ip: "127.0.0.1", port: closed }] },
    ],
  });
  return { open: `127.0.0.1:${open}`, closed: `127.0.0.1:${closed}`, certificate };
}

async function byCurl({ processes, report }: Stage, routers: Routers, command: string): Promise<void> {
  const curl = (proxy: string, ...args: string[]): Promise<Ended> => {
    const always = ["--silent", "--show-error", "--max-time", "20", "--proxytunnel", "--proxy", `http://${proxy}`];
    return processes.run(command, [...always, ...args]);
  };

  await report.case("asks ten times in one tunnel", async () => {
    const { stdout } = await curl(routers.open, "-w", "%{http_connect} %{num_connects}\n", "http://users/hello?[1-10]");
    equal(stdout, `users hello\n200 1\n${"users hello\n000 0\n".repeat(9)}`);
  });

  await report.case(
    "is asked for what a service may have sent in any way: chunks, trailers, a large body, no body",
    async () => {
      const { stdout } = await curl(
        routers.open,
        ...["chunks", "trailers", "nothing", "hello"].map((path) => `http://users/${path}`),
      );
      equal(stdout, `${Array.from({ length: 10 }, (_, i) => `chunk ${i}\n`).join("")}body\nusers hello\n`);
      const large = await curl(
        routers.open,
        "-w",
        "%{size_download}",
        "-o",
        "/dev/null",
        `http://users/big?bytes=${2 * BIG_BYTES}`,
      );
      equal(large.stdout, String(2 * BIG_BYTES));
    },
  );

  await report.case("speaks TLS and HTTP/2 with the service in a tunnel", async () => {
    const { stderr, stdout } = await curl(
      routers.open,
      ...["--cacert", routers.certificate, "-w", "%{http_version} %{size_download}\n", "-o", "/dev/null"],
      "https://secure/big",
    );
    equal(`${stdout}${stderr}`, `2 ${BIG_BYTES}\n`);
  });

  await report.case(
    "says what it is told where there are no tunnels, and no way to the name, the port or the endpoint",
    async () => {
      for (const [proxy, url, status, cause] of [
        [routers.closed, "http://users/hello", 501, "downstream.http.method-unsupported"],
        [routers.open, "http://nobody/hello", 502, "proxy.bind.no-such-name"],
        [routers.open, "http://users:8080/hello", 502, "proxy.bind.no-such-name"],
        [routers.open, "http://down/hello", 502, "upstream.connect.refused"],
      ] as const) {
        const { code, stderr, stdout } = await curl(proxy, "--include", "-w", "%{http_connect}", url);
        deepEqual([code, stdout.slice(-3)], [56, String(status)], url);
        match(stderr, new RegExp(`^curl: \\(56\\) .*${status}`), url);
        match(stdout, new RegExp(`^fairlead-cause: ${cause}`, "m"), url);
      }
    },
  );

  await report.case("its override has no say in where a tunnel leads", async () => {
    const override = ["--proxy-header", "l5d-dtab: /connect/users/80 => /#/io.l5d.fs/users-v2"];
    equal((await curl(routers.open, ...override, "http://users/hello")).stdout, "users hello\n");
  });
}

/** Node's own clients, by its environment alone. */
async function byNode({ processes, report }: Stage, { certificate, closed, open }: Routers): Promise<void> {
  const fetches = (proxy: string) => {
    const env = {
      NODE_USE_ENV_PROXY: "1",
      HTTPS_PROXY: `http://${proxy}`,
      NO_PROXY: "",
      NODE_EXTRA_CA_CERTS: certificate,
    };
    const code = `console.log(await (await fetch("https://secure/small")).text());
      require("node:https").get("https://secure/big", async (answer) => console.log(Buffer.concat(await answer.toArray()).length));`;
    return processes.run(process.execPath, ["--input-type=commonjs", "-e", `(async () => { ${code} })()`], { env });
  };
  await report.case("reads pages with fetch and node:https in tunnels", async () => {
    const { stderr, stdout } = await fetches(open);
    equal(stdout, `in secret\n\n${BIG_BYTES}\n`, stderr);
  });
  await report.case("is told why there is no tunnel", async () => {
    const { code, stderr } = await fetches(closed);
    equal(code, 1);
    match(stderr, /501/);
  });
}
