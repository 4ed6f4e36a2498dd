// How long a reload of 5 000 routes takes while all of them are in use, and how long a caller waits meanwhile:
// `node bench/micro/reload.bench.ts` for the clone, with `--dist` for what `npm run build` made.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, freePorts, Program } from "../../test/support/program.ts";

const ROUTES = 5000;
const AT_ONCE = 20;
const ROUNDS = 5;
/** Between two reloads, so that nothing of one is measured with the next. */
const REST_MS = 500;

const compiled = process.argv.includes("--dist");
const folder = mkdtempSync(join(tmpdir(), "fairlead-reload-"));
const file = join(folder, "routes.yaml");
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

function put(written: string): void {
  writeFileSync(`${file}.draft`, written);
  renameSync(`${file}.draft`, file);
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

async function measure(name: string, caller: Caller, texts: readonly string[]): Promise<void> {
  const took: number[] = [];
  const waited: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(REST_MS);
    put(texts[round % texts.length] ?? ""); // in range
    caller.longestMs = 0;
    const startMs = performance.now();
    const { status, text: said } = await ask(adminPort, {}, "/admin/reload", "POST");
    took.push(performance.now() - startMs);
    if (status !== 200) throw new Error(said);
    await sleep(REST_MS);
    waited.push(caller.longestMs);
  }
  console.log(`${name.padEnd(28)}${shown(took)}${shown(waited)}`);
}

function shown(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const figure = (value = 0) => `${value.toFixed(1)} ms`.padStart(11);
  return figure(sorted[0]) + figure(sorted[sorted.length >> 1]) + figure(sorted.at(-1));
}

writeFileSync(file, text(one));
{
  await using program = new Program([...(compiled ? ["--dist"] : []), "run", file]);
  await program.said("is ready");
  for (let i = 0; i < ROUTES; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => ask(port, { Host: `s${i + k}` })));
  }
  const caller = new Caller();
  const calls = caller.run();
  const heading = ["least", "median", "most"].map((word) => word.padStart(11)).join("");
  console.log(`${"".padEnd(28)}${"reload".padStart(33)}${"longest request meanwhile".padStart(33)}`);
  console.log(`${"".padEnd(28)}${heading}${heading}`);
  await measure("one rule more, one less", caller, [
    text(one, { rule: `    /svc/new => /$/inet/127.0.0.1/${other} ;\n` }),
    text(one),
  ]);
  await measure("all rules", caller, [text(other), text(one)]);
  await measure("a key of the router", caller, [text(other, { key: "  bindingTimeoutMs: 9000\n" }), text(other)]);
  caller.stop();
  await calls;
}
for (const server of services) {
  server.close();
  server.closeAllConnections();
}
rmSync(folder, { recursive: true });
