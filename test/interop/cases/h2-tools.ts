// Well-known callers of HTTP/2 before fairlead's h2 router: curl, nghttp and h2load.
import { deepEqual, equal, match } from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type H2Proxy, startH2, stopH2 } from "../h2.ts";
import type { Need } from "../machine.ts";
import type { Ended } from "../processes.ts";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";

const LARGE = Buffer.alloc(1_000_000, "0123456789");
const SMALL = Buffer.alloc(3000, "0123456789");

type Command = (...args: string[]) => Promise<Ended>;

/** Files that callers send. */
interface Files {
  readonly large: string;
  readonly small: string;
}

const NGHTTP: Need = { probes: [["nghttp", "--version"]], packages: ["nghttp2-client"] };

export const curlH2: Peer = {
  name: "curl-h2",
  named: true,
  needs: [{ probes: [["curl", "--version"]], packages: ["curl"] }],
  async run(stage, command = "") {
    const proxy = await before(stage, "curl-h2");
    const curl: Command = (...args) => {
      return stage.processes.run(command, ["-sS", "--max-time", "20", "--http2-prior-knowledge", ...args]);
    };
    await curlCases(stage, curl, `http://${proxy.byPath}/node`, files(stage));
    await stopH2(stage, proxy);
  },
};

async function curlCases({ report }: Stage, curl: Command, url: string, { large }: Files): Promise<void> {
  await report.case("asks with prior knowledge", async () => {
    const { stdout } = await curl("-w", "%{http_version} %{http_code}", `${url}/hello`);
    equal(stdout, "hello\n2 200");
  });

  await report.case("posts 1 MB and gets it back", async () => {
    const { stdout } = await curl("--data-binary", `@${large}`, `${url}/echo`);
    equal(stdout === LARGE.toString(), true, `${stdout.length} bytes came back`);
  });

  await report.case("asks for a head", async () => {
    const { stdout } = await curl("--head", `${url}/size/10`);
    match(stdout, /^HTTP\/2 200 \r\n[^]*\r\n\r\n$/);
  });

  await report.case("gets trailers", async () => {
    const { stdout } = await curl("--include", `${url}/trailers`);
    match(stdout, /^HTTP\/2 200 \r\n[^]*\r\n\r\nwith trailers\nchecksum: a1b2\r\n/);
  });

  await report.case("is told which name is not there", async () => {
    const { stdout } = await curl("-o", "/dev/null", "-w", "%{http_code}", url.replace(/node$/, "nobody/hello"));
    match(stdout, /^(4|5)\d\d$/);
  });
}

export const nghttp: Peer = {
  name: "nghttp",
  named: true,
  needs: [NGHTTP, { probes: [["nghttpd", "--version"]], packages: ["nghttp2-server"] }],
  async run(stage, command = "", server = "") {
    const { large, small } = files(stage);
    const proxy = await before(stage, "nghttp", server);
    const run: Command = (...args) => stage.processes.run(command, ["--timeout=20", ...args]);
    for (const name of ["node", "nghttpd"]) {
      const url = `http://${proxy.byPath}/${name}`;
      await stage.report.case(`asks ${name} for a page 50 times at once`, async () => {
        const { stdout } = await run("--multiply=50", `${url}/hello`);
        equal(stdout, "hello\n".repeat(50));
      });
      for (const [how, file, body, more] of [
        ["1 MB", large, LARGE, []],
        ["a body once it is told to continue", small, SMALL, ["--expect-continue"]],
        [
          "a padded body with trailers and no length",
          small,
          SMALL,
          ["--padding=200", "--trailer=sum: 5", "--no-content-length"],
        ],
        ["headers in CONTINUATION frames", small, SMALL, ["--continuation"]],
      ] as const) {
        await stage.report.case(`sends ${name} ${how}`, async () => {
          const { stdout } = await run(`--data=${file}`, ...more, `${url}/echo`);
          equal(stdout === body.toString(), true, `${stdout.length} bytes came back`);
        });
      }
    }
    await stopH2(stage, proxy);
  },
};

export const h2load: Peer = {
  name: "h2load",
  named: true,
  needs: [{ probes: [["h2load", "--version"]], packages: ["nghttp2-client"] }],
  async run(stage, command = "") {
    const { small } = files(stage);
    const proxy = await before(stage, "h2load");
    const list = join(stage.directory("h2"), "paths");
    const paths = Array.from({ length: 1000 }, (_, i) => `http://${proxy.byPath}/node/path/${i}\n`);
    writeFileSync(list, paths.join(""));
    for (const [what, requests, more] of [
      ["gets 10 000 answers", 10_000, []],
      ["posts 10 000 bodies", 10_000, [`--data=${small}`]],
    ] as const) {
      await stage.report.case(`${what} over 8 connections with 32 streams each, from 1000 paths`, async () => {
        const args = ["-c8", "-m32", `-n${requests}`, `--input-file=${list}`, ...more];
        const { stderr, stdout } = await stage.processes.run(command, args);
        console.log(`            ${/finished in .*/.exec(stdout)?.[0] ?? stderr}`);
        const wanted = `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed`;
        deepEqual(
          [/requests: (.*), 0 errored, 0 timeout/.exec(stdout)?.[1], /status codes: (\d+) 2xx/.exec(stdout)?.[1]],
          [wanted, String(requests)],
        );
      });
    }
    await stopH2(stage, proxy);
  },
};

/** A proxy with services behind it: one in Node, and nghttpd where it is given. */
async function before(stage: Stage, label: string, nghttpd?: string): Promise<H2Proxy> {
  const routes: Record<string, number> = { node: (await stage.serve(`${label}-node`, greeter, false)).port };
  if (nghttpd !== undefined) routes["nghttpd"] = await serveNghttpd(stage, nghttpd);
  return startH2(stage, `${label}-proxy`, routes);
}

function greeter(port: number): Launch {
  return { command: process.execPath, args: [program("h2/service.mjs"), `127.0.0.1:${port}`] };
}

async function serveNghttpd(stage: Stage, command: string): Promise<number> {
  const root = join(stage.directory("h2"), "pages");
  mkdirSync(join(root, "nghttpd"), { recursive: true });
  for (const page of ["hello", "echo"]) writeFileSync(join(root, "nghttpd", page), "hello\n");
  const options = ["--address=127.0.0.1", "--no-tls", "--echo-upload", `--htdocs=${root}`];
  const { port } = await stage.serve("nghttpd", (free) => ({ command, args: [...options, String(free)] }), false);
  return port;
}

function files(stage: Stage): Files {
  const directory = stage.directory("h2");
  const [large, small] = [join(directory, "large"), join(directory, "small")];
  writeFileSync(large, LARGE);
  writeFileSync(small, SMALL);
  return { large, small };
}
