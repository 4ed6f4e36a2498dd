// R17: no room for the access log. Requests are served as fast as ever, memory is bounded, what is lost is counted, and with room again every
// line that was kept is written whole.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { quantile } from "../../bench/load/statistics.ts";
import { KeptCaller } from "../support/kept-caller.ts";
import { residentBytes } from "../support/process-state.ts";
import { ask, freePorts, Program, type ProgramOptions, unsharedShell, until } from "../support/program.ts";

/** A line of the access log is about as long; 1 MB of them is what may wait. */
const LINE_BYTES = 4_000;
const AGENT = `User-Agent: ${"a".repeat(LINE_BYTES)}\r\n`;
const WARM = 400;
const AFTER = 100;
const DURING = 1_500;
/** Of garbage not yet collected, once as many lines wait as may. */
const GROWTH_BYTES = 8 << 20;
/** The promise is that nothing changes; the rest is for a machine that does other things meanwhile. */
const SLOWER = 1.5;
const GRACE_MS = 1;

interface Running extends AsyncDisposable {
  readonly program: Program;
  readonly caller: KeptCaller;
  metric(name: string): Promise<number>;
}

async function logsTo(path: string, options: ProgramOptions = {}): Promise<Running> {
  const server = http.createServer({ keepAliveTimeout: 0 }, (_request, response) => void response.end("ok"));
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const [port = 0, admin = 0] = await freePorts(2);
  const dtab = `/svc/web => /$/inet/127.0.0.1/${(server.address() as AddressInfo).port}`; // it listens on a port
  const router = { protocol: "http", dtab, servers: [{ port }], httpAccessLog: path };
  const program = new Program(["run", "-"], {
    ...options,
    input: JSON.stringify({ admin: { port: admin }, routers: [router] }),
  });
  await program.said("is ready");
  const caller = new KeptCaller(port);
  return {
    program,
    caller,
    async metric(name) {
      const { text } = await ask(admin, {}, "/admin/metrics.json");
      return (JSON.parse(text) as Record<string, number>)[`access_log/${name}`] ?? Number.NaN;
    },
    async [Symbol.asyncDispose]() {
      caller.close();
      await program[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((done) => void server.close(done));
    },
  };
}

/** Asks so many times, one after the other; the median latency. */
async function medianMs(caller: KeptCaller, requests: number): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < requests; i++) {
    const fromMs = performance.now();
    expect(await caller.ask("web", AGENT)).toBe("200");
    taken.push(performance.now() - fromMs);
  }
  return quantile(
    taken.toSorted((a, b) => a - b),
    0.5,
  );
}

const complaints = (program: Program) => program.err.split("\n").filter((line) => line.includes("access-log: "));

const namespace = unsharedShell("mount -t tmpfs -o size=4m tmpfs /mnt; head -c 3500000 /dev/zero >/mnt/filler");

test.skipIf(namespace === null)(
  "a disk that is full costs lines, which are counted, and nothing else; with room again lines are written",
  async () => {
    await using running = await logsTo("/mnt/access.log", { through: namespace ?? [] });
    const { caller, program } = running;
    const inside = (name: string) => `/proc/${program.pid}/root/mnt/${name}`;
    await medianMs(caller, WARM); // compiles what is used, and fills the disk
    const fresh = await logsTo("/dev/null");
    await using _fresh = fresh;
    await medianMs(fresh.caller, WARM);
    const healthy = await medianMs(fresh.caller, DURING);
    await until(
      () => complaints(program).length > 0,
      () => "a word on the full disk",
    );
    expect(complaints(program)[0]).toContain("ENOSPC");
    const full = await medianMs(caller, DURING);
    expect(await running.metric("dropped_lines")).toBeGreaterThan(DURING / 2);
    const memory = residentBytes(program.pid);
    await medianMs(caller, DURING);
    console.log(
      `median ${healthy.toFixed(2)} ms with a disk that takes all, ${full.toFixed(2)} ms with one that is full`,
    );
    expect(full).toBeLessThan(healthy * SLOWER + GRACE_MS);
    expect(residentBytes(program.pid) - memory).toBeLessThan(GROWTH_BYTES);
    expect(await running.metric("dropped_lines")).toBeGreaterThan(DURING + DURING / 2);
    expect(complaints(program)).toHaveLength(1);

    rmSync(inside("filler"));
    await program.said("is written again");
    await medianMs(caller, AFTER);
    const dropped = await running.metric("dropped_lines");
    const lines = () => readFileSync(inside("access.log"), "latin1").trimEnd().split("\n");
    await until(
      () => lines().length === WARM + 2 * DURING + AFTER - dropped,
      () => `${WARM + 2 * DURING + AFTER - dropped} lines; there are ${lines().length}`,
    );
    expect(lines().filter((line) => !line.includes('"GET / HTTP/1.1" 200') || !line.endsWith('"'))).toEqual([]);
  },
  60_000,
);

test.skipIf(process.platform !== "linux")(
  "a device without room is a full disk, and a proxy that is stopped does not wait for it",
  async () => {
    await using running = await logsTo("/dev/full");
    const { caller, program } = running;
    await medianMs(caller, DURING);
    const memory = residentBytes(program.pid);
    await medianMs(caller, DURING);
    expect(residentBytes(program.pid) - memory).toBeLessThan(GROWTH_BYTES);
    expect(await running.metric("dropped_lines")).toBeGreaterThan(DURING / 2);
    expect(await running.metric("write_errors")).toBeGreaterThan(0);
    expect(complaints(program)).toHaveLength(1);
    caller.close();
    const fromMs = performance.now();
    program.signal("SIGTERM");
    expect(await program.end()).toBe(0);
    expect(performance.now() - fromMs).toBeLessThan(3_000);
  },
  30_000,
);

test("a folder that is not there is told at the start, and lines are written when it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-full-"));
  try {
    const path = join(folder, "later", "access.log");
    await using running = await logsTo(path);
    await medianMs(running.caller, 10);
    await until(
      () => complaints(running.program).length > 0,
      () => "a word on the missing folder",
    );
    mkdirSync(join(folder, "later"));
    await running.program.said("is written again");
    await until(
      () => readFileSync(path, "latin1").length > 0,
      () => "lines",
    );
    expect(readFileSync(path, "latin1").match(/\n/g)).toHaveLength(10);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
