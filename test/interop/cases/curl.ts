// curl in front of fairlead.
import { deepEqual, equal, match } from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ended } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

const LARGE = Buffer.alloc(2_000_000, "0123456789");

type Curl = (...args: string[]) => Promise<Ended>;

export const curl: Peer = {
  name: "curl",
  named: true,
  needs: [{ probes: [["curl", "--version"]], packages: ["curl"] }],
  async run(stage, command) {
    const run: Curl = (...args) =>
      stage.processes.run(command, ["--silent", "--show-error", "--max-time", "20", ...args]);
    await connections(stage, run);
    await bodies(stage, run);
    await routing(stage, run);
    await failures(stage, run);
  },
};

const USERS = ["-H", "Host: users"];

async function connections({ fairlead, report }: Stage, curl: Curl): Promise<void> {
  const url = `http://${fairlead.byHost}/hello`;

  await report.case("keeps its connection over ten requests", async () => {
    const urls = Array<string>(10).fill(url);
    const { stdout } = await curl(...USERS, "-w", "%{num_connects}\n", ...urls);
    equal(stdout, `users hello\n1\n${"users hello\n0\n".repeat(9)}`);
  });

  await report.case("asks in HTTP/1.0", async () => {
    const { stdout } = await curl("--http1.0", ...USERS, "-w", "%{http_code}", url);
    equal(stdout, "users hello\n200");
  });

  await report.case("asks for 100 pages at once", async () => {
    const { code, stdout } = await curl("--parallel", "--parallel-max", "50", ...USERS, `${url}?[1-100]`);
    equal(stdout, "users hello\n".repeat(100));
    equal(code, 0);
  });

  await report.case("asks for a head, then for the page, over one connection", async () => {
    const { stdout } = await curl(...USERS, "--head", url, "--next", ...USERS, "-w", "%{num_connects}", url);
    match(stdout, /^HTTP\/1.1 200 OK\r\n[^]*Content-Length: 12\r\n[^]*\r\n\r\nusers hello\n0$/);
  });

  await report.case("asks through it as forward proxy, also with --proxytunnel refused", async () => {
    const forward = await curl("--proxy", `http://${fairlead.byHost}`, "http://users/hello");
    equal(forward.stdout, "users hello\n");
    const tunnel = await curl(
      "--proxy",
      `http://${fairlead.byHost}`,
      "--proxytunnel",
      "-w",
      "%{http_connect}",
      "http://users/",
    );
    match(tunnel.stdout, /^(4|5)\d\d$/);
  });
}

async function bodies(stage: Stage, curl: Curl): Promise<void> {
  const { fairlead, report } = stage;
  const scratch = stage.directory("curl");
  const large = join(scratch, "large");
  const back = join(scratch, "back");
  const page = (name: string) => `http://${fairlead.byHost}/${name}`;
  writeFileSync(large, LARGE);

  await report.case("posts a form", async () => {
    equal((await curl(...USERS, "-d", "a=1", "-d", "b=2", page("echo"))).stdout, "a=1&b=2");
  });

  await report.case("waits for 100 Continue before it sends 2 MB, and gets them back", async () => {
    const { stderr } = await curl(
      "-v",
      ...USERS,
      "--expect100-timeout",
      "10",
      "--data-binary",
      `@${large}`,
      "-o",
      back,
      page("echo"),
    );
    match(stderr, /> Expect: 100-continue[^]*< HTTP\/1.1 100 Continue[^]*< HTTP\/1.1 200 OK/);
    equal(readFileSync(back).equals(LARGE), true);
  });

  await report.case("uploads 2 MB in chunks", async () => {
    await curl(...USERS, "-T", large, "-H", "Transfer-Encoding: chunked", "-o", back, page("echo"));
    equal(readFileSync(back).equals(LARGE), true);
  });

  await report.case("downloads 20 MB", async () => {
    const { stdout } = await curl(
      ...USERS,
      "-o",
      "/dev/null",
      "-w",
      "%{http_code} %{size_download}",
      page("big?bytes=20000000"),
    );
    equal(stdout, "200 20000000");
  });

  await report.case("downloads slowly while others are served", async () => {
    const slow = curl(
      ...USERS,
      "--limit-rate",
      "4M",
      "-o",
      "/dev/null",
      "-w",
      "%{size_download}",
      page("big?bytes=8000000"),
    );
    for (let i = 0; i < 20; i++) equal((await curl(...USERS, page("hello"))).stdout, "users hello\n");
    equal((await slow).stdout, "8000000");
  });

  await report.case("sees trailers", async () => {
    match((await curl("-D", "-", ...USERS, page("trailers"))).stdout, /chunked[^]*body\n[^]*x-sum: 5/i);
  });

  await report.case("sees no body with 204 and 304", async () => {
    const { stdout } = await curl(
      ...USERS,
      "-w",
      "%{http_code} ",
      page("nothing"),
      "-H",
      'If-None-Match: "one"',
      page("cached"),
      page("hello"),
    );
    equal(stdout, "204 304 users hello\n200 ");
  });
}

async function routing({ fairlead, report }: Stage, curl: Curl): Promise<void> {
  const { byHeader, byHost, byPath, edge } = fairlead;
  const answers = async (args: string[], expected: string) => equal((await curl(...args)).stdout, expected);
  const override = ["-H", "l5d-dtab: /svc/users => /svc/users-v2"];

  await report.case("is routed by Host, by path and by header", async () => {
    await answers([...USERS, `http://${byHost}/hello`], "users hello\n");
    await answers([`http://${byPath}/users/hello`], "users hello\n");
    await answers(["-H", "l5d-name: /users", `http://${byHeader}/hello`], "users hello\n");
    await answers(["-H", "l5d-name: /v2", `http://${byHeader}/hello`], "users-v2 hello\n");
    await answers([...USERS, `http://${byHeader}/hello`], "users hello\n");
  });

  await report.case("is routed to the second alternative where the first has no such name", async () => {
    await answers(["-H", `Host: ${fairlead.admin}`, `http://${byHost}/admin/ping`], "pong");
  });

  await report.case("is spread by weight over two versions", async () => {
    const { stdout } = await curl("--parallel", "-H", "Host: shop", `http://${byHost}/hello?[1-300]`);
    const second = stdout.split("users-v2").length - 1;
    // One in ten of 300: outside of 8 to 60 about once in a million runs.
    equal(second >= 8 && second <= 60, true, `${second} of 300 went to users-v2`);
  });

  await report.case("overrides a name for one request, but not at the edge", async () => {
    await answers([...USERS, ...override, `http://${byHost}/hello`], "users-v2 hello\n");
    await answers([...USERS, `http://${byHost}/hello`], "users hello\n");
    await answers([...USERS, ...override, `http://${edge}/hello`], "users hello\n");
  });
}

async function failures({ fairlead, report }: Stage, curl: Curl): Promise<void> {
  const url = `http://${fairlead.byHost}/hello`;
  const fails = async (args: string[], status: number, cause: string) => {
    const { stdout } = await curl("-D", "-", ...args);
    equal(Number(stdout.split(" ")[1]), status, stdout);
    match(stdout, /^l5d-err: \S+/im);
    equal(/^fairlead-cause: ([^;\s]+)/im.exec(stdout)?.[1], cause);
  };

  await report.case("is told why: no such name, no name, a bad override, a name that fails", async () => {
    await fails(["-H", "Host: nobody", url], 502, "proxy.bind.no-such-name");
    await fails(["-H", "Host;", url], 400, "proxy.identify.unidentified");
    await fails([...USERS, "-H", "l5d-dtab: /svc =>", url], 400, "downstream.context.bad-dtab");
    await fails(["-H", "l5d-name: /old", `http://${fairlead.byHeader}/`], 502, "proxy.bind.fail");
  });

  await report.case("is told of a timeout of the service policy and of the client policy", async () => {
    const wait = `http://${fairlead.byHost}/wait?ms=5000`;
    await fails(["-H", "Host: hurried", wait], 503, "proxy.timeout.total");
    await fails(["-H", "Host: impatient", wait], 503, "proxy.timeout.attempt");
  });

  await report.case("says what it got, so that all bytes of an error are well framed", async () => {
    const { stdout } = await curl("-H", "Host: nobody", "-w", "\n%{http_code} %{num_connects}\n", url, url);
    deepEqual(stdout.match(/^502 \d$/gm), ["502 1", "502 0"]);
  });
}
