// `fairlead run` as a process: start, signals, exit codes, ports, access log files.
import { createServer } from "node:http";
import net, { type AddressInfo } from "node:net";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, freePorts, Program, until } from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-run-"));
/** Answers `/slow` after the test says so, everything else at once. */
let releaseSlow: () => void = () => undefined;
const backend = createServer((request, response) => {
  if (request.url === "/slow") releaseSlow = () => void response.end("slow but sure");
  else response.end("ok");
});
let backendPort = 0;

beforeAll(async () => {
  await new Promise<void>((done) => void backend.listen(0, "127.0.0.1", done));
  backendPort = (backend.address() as AddressInfo).port; // it listens on a port
});

afterAll(() => {
  backend.close();
  backend.closeAllConnections();
  rmSync(folder, { recursive: true });
});

interface Site {
  readonly port: number;
  readonly adminPort: number;
  readonly text: string;
  readonly file: string;
}

async function site(name: string, router: object = {}): Promise<Site> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const dtab = `/svc/web => /$/inet/127.0.0.1/${backendPort}`;
  const routers = [{ protocol: "http", dtab, servers: [{ port }], ...router }];
  const text = JSON.stringify({ admin: { port: adminPort, shutdownGraceMs: 5000 }, routers });
  const file = join(folder, `${name}.json`);
  writeFileSync(file, text);
  return { port, adminPort, text, file };
}

const web = { Host: "web" };

test("SIGTERM lets a request in progress finish, and the exit code is 0", async () => {
  const { file, port, adminPort } = await site("graceful");
  await using program = new Program(["run", file], { environment: { XDG_CACHE_HOME: join(folder, "cache") } });
  await program.said("is ready");
  expect(await ask(port, web)).toEqual({ status: 200, text: "ok" });
  expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(200);
  const slow = ask(port, web, "/slow");
  await until(
    () => releaseSlow !== nothing,
    () => "the slow request to arrive",
  );
  program.signal("SIGTERM");
  await program.said("SIGTERM: stopping");
  expect((await ask(adminPort, {}, "/admin/ready")).status).toBe(503);
  await expect(ask(port, web)).rejects.toThrow("ECONNREFUSED");
  expect(program.ended).toBe(null);
  releaseSlow();
  expect(await slow).toEqual({ status: 200, text: "slow but sure" });
  expect(await program.end()).toBe(0);
  expect(program.err).toContain("everything in progress was finished");
  expect(program.out).toBe("");
  expect(readdirSync(join(folder, "cache", "fairlead")).length).toBeGreaterThan(0); // for the next start
});
const nothing = releaseSlow;

test("A second signal ends it at once, with exit code 1", async () => {
  const { file, port } = await site("impatient");
  await using program = new Program(["run", file]);
  await program.said("is ready");
  const hanging = ask(port, web, "/slow").catch((error: unknown) => String(error));
  const before = releaseSlow;
  await until(
    () => releaseSlow !== before,
    () => "the slow request to arrive",
  );
  program.signal("SIGINT");
  await program.said("SIGINT: stopping");
  await sleep(600); // earlier, it would be taken for an echo of the first
  program.signal("SIGINT");
  expect(await program.end()).toBe(1);
  expect(await hanging).toContain("Error");
  releaseSlow();
});

test("The same signal twice in a row, as a process group and a launcher send it, is one wish to stop", async () => {
  const { file, port } = await site("grouped");
  await using program = new Program(["run", file]);
  await program.said("is ready");
  const before = releaseSlow;
  const slow = ask(port, web, "/slow");
  await until(
    () => releaseSlow !== before,
    () => "the slow request to arrive",
  );
  program.signal("SIGTERM");
  program.signal("SIGTERM");
  await program.said("SIGTERM: stopping");
  await sleep(100);
  releaseSlow();
  expect((await slow).status).toBe(200);
  expect(await program.end()).toBe(0);
});

test("What is wrong with files that discovery reads is said in the log, with file and line, and that it is over", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-problems-"));
  const dtab = join(directory, "routes.dtab");
  mkdirSync(join(directory, "disco"));
  writeFileSync(dtab, "/svc => /#/io.l5d.fs ;\n");
  writeFileSync(join(directory, "disco", "web"), "127.0.0.1 9\n");
  const [port, adminPort] = (await freePorts(2)) as [number, number];
  const config = {
    admin: { port: adminPort },
    namers: [
      { kind: "io.l5d.fs", rootDir: join(directory, "disco") },
      { kind: "io.l5d.fs", prefix: "/later", rootDir: join(directory, "later") },
    ],
    routers: [{ protocol: "http", interpreter: { kind: "io.l5d.fs", dtabFile: dtab }, servers: [{ port }] }],
  };
  await using program = new Program(["run", "-"], { input: JSON.stringify(config) });
  await program.said("is ready");
  await program.said(`rootDir ${join(directory, "later")} does not exist`);
  expect((await ask(port, web)).status).toBe(502);
  writeFileSync(dtab, "/svc => /#/io.l5d.fs ;\n/svc/x => ;\n");
  await program.said(`${dtab}:2:11: `);
  writeFileSync(join(directory, "disco", "web"), "garbage\n");
  await program.said('web, line 1, "garbage": a port is missing');
  writeFileSync(join(directory, "disco", "web"), "127.0.0.1 10\n");
  await program.said("web is in order again");
  rmSync(directory, { recursive: true });
});

test("A configuration from standard input is served, and POST /admin/shutdown ends it with 0", async () => {
  const { text, port, adminPort } = await site("stdin");
  await using program = new Program(["run", "-"], { input: text });
  await program.said("is ready");
  expect((await ask(port, web)).text).toBe("ok");
  expect((await ask(adminPort, {}, "/admin/shutdown", "POST")).status).toBe(200);
  expect(await program.end()).toBe(0);
});

test.each(["port", "adminPort"] as const)(
  "A %s that is taken is told in one line that says what to change",
  async (which) => {
    const place = await site("taken");
    const squatter = net.createServer().listen(place[which], "127.0.0.1");
    await until(
      () => squatter.listening,
      () => "the port to be taken",
    );
    await using program = new Program(["run", place.file, "--log-level", "off"]);
    expect(await program.end()).toBe(1);
    const key = which === "port" ? "routers[0].servers[0].port" : "admin.port";
    const told = `127.0.0.1:${place[which]} is already in use; stop what listens there, or choose another port at ${key}`;
    expect(program.err).toBe(`fairlead: ${told}\n`);
    squatter.close();
  },
);

test("A bad configuration, a missing file and a bad level are told, and nothing is started", async () => {
  const file = join(folder, "bad.yaml");
  writeFileSync(file, "routers:\n- protocol: htp\n");
  await using bad = new Program(["run", file]);
  await using missing = new Program(["run", join(folder, "missing.yaml")]);
  await using level = new Program(["run", file, "--log-level", "loud"]);
  expect(await bad.end()).toBe(1);
  expect(bad.err).toContain(`${file}:2:13: error: routers[0].protocol`);
  expect(await missing.end()).toBe(1);
  expect(missing.err).toMatch(/^fairlead: .*missing\.yaml cannot be read: there is no such file\n$/);
  expect(await level.end()).toBe(2);
  expect(level.err).toBe("fairlead: --log-level loud: write one of TRACE, DEBUG, INFO, WARN, ERROR, OFF\n");
});

test("An access log on /dev/stdout comes out there within a second", async () => {
  const { file, port } = await site("stdout", { httpAccessLog: "/dev/stdout", httpAccessLogFormat: { kind: "json" } });
  await using program = new Program(["run", file]);
  await program.said("is ready");
  await ask(port, web, "/seen");
  const askedMs = performance.now();
  await program.said('"uri":"/seen"');
  expect(performance.now() - askedMs).toBeLessThan(3000); // half a second, and a machine that may be busy
  expect(JSON.parse(program.out)).toMatchObject({ status: 200, service: "/svc/web", attempts: 1 });
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
});

test("An access log file that was moved away is begun anew, and the last lines are there after the stop", async () => {
  const log = join(folder, "access.log");
  const { file, port } = await site("moved", {
    httpAccessLog: log,
    httpAccessLogFormat: { kind: "template", template: "%{uri}" },
  });
  await using program = new Program(["run", file]);
  await program.said("is ready");
  await ask(port, web, "/1");
  await until(
    () => existsSync(log) && readFileSync(log, "utf8") === "/1\n",
    () => "the first line",
  );
  renameSync(log, `${log}.1`);
  await until(
    () => {
      void ask(port, web, "/2").catch(() => undefined);
      return existsSync(log);
    },
    () => "a new file",
  );
  await ask(port, web, "/last");
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  expect(lines.at(-1)).toBe("/last");
  expect(new Set(lines)).toEqual(new Set(["/2", "/last"]));
  expect(readFileSync(`${log}.1`, "utf8")).toMatch(/^\/1\n(\/2\n)*$/);
});

test("A full disk under the access log costs no request, is told once, and is counted", async () => {
  // Where there is no disk that is always full, a directory cannot be written either.
  const [path, why] = existsSync("/dev/full") ? ["/dev/full", "ENOSPC"] : [folder, "EISDIR"];
  const { file, port, adminPort } = await site("full", { httpAccessLog: path });
  await using program = new Program(["run", file]);
  await program.said("is ready");
  for (let i = 0; i < 20; i++) expect((await ask(port, web)).status).toBe(200);
  await program.said(`${path} cannot be written (${why}`);
  expect((await ask(port, web)).status).toBe(200);
  const { text } = await ask(adminPort, {}, "/admin/metrics.json");
  expect((JSON.parse(text) as Record<string, number>)["access_log/write_errors"]).toBeGreaterThan(0); // as documented
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  expect(program.err.split("cannot be written").length).toBe(2);
});

test.for(["SIGUSR2", "POST"] as const)(
  "By %s an access log that was moved away is opened anew, and no line is lost",
  async (way) => {
    const log = join(folder, `reopened-${way}.log`);
    const { file, port, adminPort } = await site(`reopened-${way}`, {
      httpAccessLog: log,
      httpAccessLogFormat: { kind: "template", template: "%{uri}" },
    });
    await using program = new Program(["run", file]);
    await program.said("is ready");
    const asked: string[] = [];
    const some = async () => {
      for (let i = 0; i < 20; i++) {
        asked.push(`/${asked.length}`);
        await ask(port, web, asked.at(-1));
      }
    };
    for (let turn = 1; turn <= 3; turn++) {
      await some();
      renameSync(log, `${log}.${turn}`);
      await some();
      if (way === "SIGUSR2") program.signal("SIGUSR2");
      else {
        const answer = await ask(adminPort, {}, "/admin/access-logs/reopen", "POST");
        expect(answer).toEqual({ status: 200, text: `${log} is open again\n` });
      }
      await until(
        () => program.err.split(`${log} was opened again`).length > turn && existsSync(log),
        () => `reopening ${turn}; it said ${program.err}`,
      );
    }
    await some();
    program.signal("SIGTERM");
    expect(await program.end()).toBe(0);
    const written = [`${log}.1`, `${log}.2`, `${log}.3`, log].map((name) => readFileSync(name, "utf8"));
    expect(written.join("").trimEnd().split("\n")).toEqual(asked);
    expect(written.at(-1)).not.toBe("");
  },
);

test("Access log files are rolled by size, the newest are kept, and two routers share them", async () => {
  const log = join(folder, "rolled", "access.log");
  mkdirSync(join(folder, "rolled"));
  const keys = { httpAccessLog: log, httpAccessLogRollPolicy: "100.bytes", httpAccessLogRotateCount: 3 };
  const format = { httpAccessLogFormat: { kind: "template", template: "%{router} %{uri}" } };
  const [port = 0, second = 0, adminPort = 0] = await freePorts(3);
  const dtab = `/svc/web => /$/inet/127.0.0.1/${backendPort}`;
  const routers = [
    { protocol: "http", label: "a", dtab, servers: [{ port }], ...keys, ...format },
    { protocol: "http", label: "b", dtab, servers: [{ port: second }], ...keys, ...format },
  ];
  const file = join(folder, "rolled.json");
  writeFileSync(file, JSON.stringify({ admin: { port: adminPort }, routers }));
  await using program = new Program(["run", file]);
  await program.said("is ready");
  const lines: string[] = [];
  for (let i = 0; i < 60; i++) {
    const label = i % 3 === 0 ? "b" : "a";
    await ask(label === "b" ? second : port, web, `/${1000 + i}`);
    lines.push(`${label} /${1000 + i}`);
  }
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
  const rolled = readdirSync(join(folder, "rolled")).filter((name) => name !== "access.log");
  expect(rolled.length).toBe(3);
  for (const name of rolled) expect(name).toMatch(/^access-\d{8}-\d{6}(\.\d+)?\.log$/);
  const texts = [...rolled, "access.log"].map((name) => readFileSync(join(folder, "rolled", name), "utf8"));
  for (const text of texts) expect(text.length).toBeLessThanOrEqual(100);
  const kept = texts.flatMap((text) => text.trimEnd().split("\n"));
  const number = (line: string) => line.slice(2);
  expect(kept.toSorted((x, y) => number(x).localeCompare(number(y)))).toEqual(lines.slice(-kept.length));
});
