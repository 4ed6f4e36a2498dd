// How long a reload of 5 000 routes takes while all of them are in use, how long a caller waits meanwhile, and for how long the loop of the
// proxy stands still: `node bench/micro/reload.bench.ts` for the clone, with `--dist` for what `npm run build` made.
import { spawnSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { readGauge } from "../load/gauge-client.ts";
import { GENERATOR_CORE, PROXY_CORE } from "../load/processes.ts";
import type { TurnsReading } from "./turns.ts";
import { ask, freePorts, Program } from "../../test/support/program.ts";

const ROUTES = 5000;
const AT_ONCE = 20;
const ROUNDS = 9;
/** Between two reloads, so that nothing of one is measured with the next. */
const REST_MS = 500;

const pinned = process.argv.includes("--pinned");
if (pinned) spawnSync("taskset", ["-a", "-p", "-c", String(GENERATOR_CORE), String(process.pid)]);
const compiled = process.argv.includes("--dist");
/** As the proxy's loop, ours is looked at every millisecond: what the caller waits for may be ourselves. */
const RESOLUTION_MS = 1;
const ownDelay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
ownDelay.enable();

const folder = mkdtempSync(join(tmpdir(), "fairlead-reload-"));
const file = join(folder, "routes.yaml");
const turnsFile = join(folder, "turns");
const [port = 0, adminPort = 0] = await freePorts(2);

async function service(): Promise<http.Server> {
  const server = http.createServer((_, answer) => answer.end("ok"));
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  return server;
}

const services = [await service(), await service()];
const [one = 0, other = 0] = services.map((server) => (server.address() as AddressInfo).port); // they listen on ports

function text(target: number, more: { readonly rule?: string; readonly key?: string } = {}): string {
  const rules = Array.from({ length: ROUTES }, (_, i) => `    /svc/s${i} => /$/inet/127.0.0.1/${target} ;\n`).join("");
  const router = `- protocol: http\n  bindingCache: { paths: ${2 * ROUTES} }\n${more.key ?? ""}  servers: [{ port: ${port} }]\n`;
  return `admin: { port: ${adminPort} }\nrouters:\n${router}  dtab: |\n${rules}${more.rule ?? ""}`;
}

/** Every name is asked for, so that it is bound. */
async function askForAll(): Promise<void> {
  for (let i = 0; i < ROUTES; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => ask(port, { Host: `s${i + k}` })));
  }
}

/** A caller that asks again a millisecond after each answer, on one connection. */
class Caller {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  #over = false;
  longestMs = 0;

  async run(): Promise<void> {
    while (!this.#over) {
      const startMs = performance.now();
      await this.#askOnce();
      this.longestMs = Math.max(this.longestMs, performance.now() - startMs);
      await sleep(1);
    }
    this.#agent.destroy();
  }

  #askOnce(): Promise<void> {
    return new Promise((done, failed) => {
      http
        .request({ host: "127.0.0.1", port, agent: this.#agent, headers: { host: "s1" } }, (answer) => {
          if (answer.statusCode !== 200) failed(new Error(`answered ${answer.statusCode}`));
          answer.resume().on("end", done);
        })
        .on("error", failed)
        .end();
    });
  }

  stop(): void {
    this.#over = true;
  }
}

/** A proxy that tells of its loop. */
type Gauged = Parameters<typeof readGauge>[0];

/** One kind of change. */
interface Case {
  readonly name: string;
  /** Put in force one after the other, again and again. */
  readonly texts: readonly string[];
  /** What is in force before has no names bound, since its router is new: they are asked for. */
  readonly fresh?: boolean;
}

async function measure({ fresh = false, name, texts }: Case, caller: Caller, proxy: Gauged): Promise<void> {
  const took: number[] = [];
  const waited: number[] = [];
  const stood: number[] = [];
  const worked: number[] = [];
  const ownStood: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (fresh) await askForAll();
    writeFileSync(`${file}.draft`, texts[round % texts.length] ?? ""); // in range
    await sleep(REST_MS);
    await readGauge(proxy, turnsFile);
    ownDelay.reset();
    caller.longestMs = 0;
    const startMs = performance.now();
    renameSync(`${file}.draft`, file);
    const { status, text: said } = await ask(adminPort, {}, "/admin/reload", "POST");
    took.push(performance.now() - startMs);
    if (status !== 200) throw new Error(said);
    await sleep(REST_MS);
    waited.push(caller.longestMs);
    ownStood.push(ownDelay.max / 1e6 - RESOLUTION_MS);
    const { longestMs, longestOwnMs } = await readGauge<TurnsReading>(proxy, turnsFile);
    stood.push(longestMs);
    worked.push(longestOwnMs);
  }
  console.log(`${name.padEnd(28)}${[took, waited, stood, worked, ownStood].map(shown).join("")}`);
}

function shown(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const figure = (value = 0) => value.toFixed(1).padStart(8);
  return figure(sorted[0]) + figure(sorted[sorted.length >> 1]) + figure(sorted.at(-1));
}

writeFileSync(file, text(one));
{
  await using program = new Program([...(compiled ? ["--dist"] : []), "run", file], {
    through: pinned ? ["taskset", "-c", String(PROXY_CORE)] : [],
    command: [process.execPath, "--import", resolve("bench/micro/turns.ts")],
    environment: { BENCH_TURNS_FILE: turnsFile },
  });
  await program.said("is ready");
  await askForAll();
  const caller = new Caller();
  const calls = caller.run();
  const gauged: Gauged = { name: "fairlead", signal: (name) => program.signal(name) };
  const heading = ["least", "median", "most"].map((word) => word.padStart(8)).join("");
  const kinds = ["reload", "longest request", "proxy stood still", "of that by itself", "caller stood still"];
  console.log(`${"ms".padEnd(28)}${kinds.map((kind) => kind.padStart(24)).join("")}`);
  console.log(`${"".padEnd(28)}${kinds.map(() => heading).join("")}`);
  const more = `    /svc/new => /$/inet/127.0.0.1/${other} ;\n`;
  const key = "  bindingTimeoutMs: 9000\n";
  await measure({ name: "one rule more, one less", texts: [text(one, { rule: more }), text(one)] }, caller, gauged);
  await measure({ name: "all rules", texts: [text(other), text(one)] }, caller, gauged);
  await measure(
    { name: "a key of the router", texts: [text(other, { key }), text(other)], fresh: true },
    caller,
    gauged,
  );
  caller.stop();
  await calls;
}
for (const server of services) {
  server.close();
  server.closeAllConnections();
}
rmSync(folder, { recursive: true });
