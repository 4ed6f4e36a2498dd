// Programs that know nothing of fairlead ask through it: examples/http-proxy, by the very lines of its README.
import { deepEqual, doesNotMatch, equal, match, notEqual } from "node:assert/strict";
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sendRaw } from "../ask.ts";
import { BIN } from "../fairlead.ts";
import type { Need } from "../machine.ts";
import { type Ended, freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";
import { go, java, php, python, ruby } from "./languages.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const README = readFileSync(join(ROOT, "examples/http-proxy/README.md"), "utf8");
const LOG = "/tmp/fairlead-mesh.log";
const LOG_PATIENCE_MS = 5000;
const LOG_LOOK_MS = 20;

const USERS = "users, asked through 1.1 fairlead\n";
const STAGING = "users-staging, asked through 1.1 fairlead\n";
const OVERRIDE = "'l5d-dtab: /svc/users => /svc/users-staging'";
/** What this machine may have set for itself. */
const UNSET = "unset http_proxy HTTP_PROXY no_proxy NO_PROXY all_proxy ALL_PROXY JAVA_TOOL_OPTIONS NODE_USE_ENV_PROXY";

/** Java's compiler, which runs a source file as it is. */
const jdk: Need = { probes: java.needs[0]?.probes ?? [], packages: ["default-jdk-headless"] };

export const httpProxy: readonly Peer[] = [
  language("PHP", php.needs),
  language("Ruby", ruby.needs),
  language("Python", python.needs),
  language("Go", go.needs),
  language("Node", []),
  language("Java", [jdk]),
  { name: "HTTP_PROXY: the rest", named: true, needs: [], run: rest },
];

/** What the README says of a language. */
interface Row {
  /** The line that runs its program. */
  readonly line: string;
  /** Those, if any, that reach staging. */
  readonly staging: readonly string[];
  /** What becomes of `HTTP_PROXY` alone: "taken", perhaps with more words, or "ignored". */
  readonly capitals: string;
  /** A variable, or an option of Java, by which `users` is asked for directly. */
  readonly exception: string;
}

function rowOf(name: string): Row {
  const [row = ""] = README.split("\n").filter((line) => line.startsWith(`| ${name} |`));
  const [, , , , capitals, exception] = row.split(/ *\| */);
  const [line, ...staging] = linesOf(README).filter((line) => line.includes(`/http-proxy/${name.toLowerCase()}/`));
  if (line === undefined || capitals === undefined || exception === undefined)
    throw new Error(`examples/http-proxy/README.md does not say what to do for ${name}`);
  return { line, staging, capitals, exception: exception.replaceAll("`", "") };
}

/** All lines for a shell in a page. */
function linesOf(page: string): string[] {
  return [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = ""]) => block.trimEnd().split("\n"));
}

function language(name: string, needs: readonly Need[]): Peer {
  return {
    name: `HTTP_PROXY: ${name}`,
    named: true,
    needs,
    run: async (stage) => ask(stage, await (example ??= Example.start(stage)), rowOf(name)),
  };
}

/** All share one fairlead, which is started for the first of them. */
let example: Promise<Example> | null = null;

/** Runs a program as its README says, and in every other way that it speaks of. */
async function ask({ report }: Stage, example: Example, { capitals, exception, line, staging }: Row): Promise<void> {
  const bare = line.replace(/http_proxy=\S+ |-Dhttp\.proxyHost=\S+ -Dhttp\.proxyPort=\S+ /, "");
  notEqual(bare, line);
  const loggedBefore = example.logged().length;
  let through = 0;

  await report.case("its line in the README reaches users through the proxy, as the access log says, too", async () => {
    equal((await example.run(line)).stdout, USERS);
    const logged = await example.loggedAtLeast(loggedBefore + ++through);
    match(logged.at(-1) ?? "", /^users 127\.0\.0\.1 - - \[.*\] "GET http:\/\/users\/ HTTP\/1\.1" 200 34 /);
  });
  await report.case("an override reaches staging, for that request only", async () => {
    equal((await example.run(`${line} ${OVERRIDE}`)).stdout, STAGING);
    equal((await example.run(line)).stdout, USERS);
    through += 2;
  });
  await report.case("through the port whose users are those of staging it reaches those", async () => {
    equal((await example.run(line.replace("4140", "4141"))).stdout, STAGING);
  });
  if (staging.length > 0)
    await report.case("the other lines of the README reach staging, too", async () => {
      for (const other of staging) equal((await example.run(other)).stdout, STAGING, other);
      through += staging.filter((other) => other.includes(OVERRIDE)).length;
    });
  await report.case("without the setting it reaches nobody", () => failsWithout(example, bare));
  await report.case(`${exception} makes it ask for users directly`, () =>
    failsWithout(example, exception.startsWith("-D") ? line.replace("-D", `${exception} -D`) : `${exception} ${line}`),
  );
  await report.case(`HTTP_PROXY in capitals alone is ${capitals}`, async () => {
    const inCapitals = `HTTP_PROXY=http://127.0.0.1:4140 ${bare}`;
    if (!capitals.startsWith("taken")) return failsWithout(example, inCapitals);
    const { stderr, stdout } = await example.run(inCapitals);
    equal(stdout, USERS);
    equal(/HTTP_PROXY/.test(stderr), capitals.includes("warning"), stderr);
    through++;
  });
  await report.case("the access log has a line for each request, and for nothing else", async () => {
    equal((await example.loggedAtLeast(loggedBefore + through)).length, loggedBefore + through);
  });
}

/** There is no host of the name `users`, so a program that asks for it directly fails. */
async function failsWithout(example: Example, line: string): Promise<void> {
  const { code, stdout } = await example.run(line);
  deepEqual([code === 0, stdout], [false, ""]);
}

/** What is said of all languages. */
async function rest(stage: Stage): Promise<void> {
  const running = await (example ??= Example.start(stage));
  await stage.report.case("no program names a proxy, and each has its line in the README", () => {
    const programs = globSync("examples/http-proxy/*/*.*", { cwd: ROOT });
    equal(programs.length, 6);
    for (const path of programs) {
      doesNotMatch(readFileSync(join(ROOT, path), "utf8"), /proxy|fairlead|4140|127\.0/i, path);
      equal(
        linesOf(README).some((line) => line.endsWith(path)),
        true,
        path,
      );
    }
  });
  await stage.report.case("what is no service goes where its name says in DNS", async () => {
    const target = `http://localhost:${running.port("8083")}/`;
    const asked = `GET ${target} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n`;
    for (const port of ["4140", "4141"])
      match(await sendRaw(`127.0.0.1:${running.port(port)}`, asked), /^HTTP\/1.1 200 [^]*\r\n\r\nusers-staging, /);
  });
}

/** The example, started as its README says, but for the ports and where the log is. */
class Example {
  readonly #stage: Stage;
  readonly #directory: string;
  readonly #ports: ReadonlyMap<string, number>;

  private constructor(stage: Stage, directory: string, ports: ReadonlyMap<string, number>) {
    this.#stage = stage;
    this.#directory = directory;
    this.#ports = ports;
  }

  static async start(stage: Stage): Promise<Example> {
    const ports = new Map<string, number>();
    for (const written of ["4140", "4141", "8082", "8083", "9990"]) ports.set(written, await freePort());
    const example = new Example(stage, stage.directory("http-proxy"), ports);
    example.#lay();
    for (const line of linesOf(README)) if (line.endsWith(" &")) await example.#serve(line.slice(0, -2));
    return example;
  }

  /** Copies the example with ports of our own; programs stay as they are, they have none. */
  #lay(): void {
    const folder = join(this.#directory, "examples");
    mkdirSync(folder);
    for (const part of ["http-proxy", "service.mjs"])
      cpSync(join(ROOT, "examples", part), join(folder, part), { recursive: true });
    for (const file of ["fairlead.yaml", "disco/users", "disco/users-staging"]) {
      const path = join(folder, "http-proxy", file);
      // fairlead: 1 listens for the admin pages on 9990 unless told otherwise.
      const admin = file.endsWith(".yaml") ? "\nadmin: { port: 9990 }\n" : "";
      writeFileSync(path, this.#ours(readFileSync(path, "utf8") + admin));
    }
  }

  async #serve(line: string): Promise<void> {
    const [name = ""] = /\w+(?=\.mjs|\.yaml)/.exec(line) ?? [];
    const running = this.#stage.processes.start(name, "sh", ["-c", `${UNSET}; exec ${this.#ours(line)}`], this.#where);
    await listening(running, this.port(/:(\d+)$/.exec(line)?.[1] ?? "4141"));
  }

  /** Runs a line of the README to its end. */
  run(line: string): Promise<Ended> {
    return this.#stage.processes.run("sh", ["-c", `${UNSET}; ${this.#ours(line)}`], this.#where);
  }

  /** The port that stands for one in the example. */
  port(written: string): number {
    return this.#ports.get(written) ?? 0;
  }

  /** The lines of the access log of the router mesh. */
  logged(): string[] {
    return readFileSync(join(this.#directory, "mesh.log"), "utf8").split("\n").slice(0, -1);
  }

  /** The same, once there are so many, or after a while; lines are written a little after the answer. */
  async loggedAtLeast(lines: number): Promise<string[]> {
    for (let waited = 0; this.logged().length < lines && waited < LOG_PATIENCE_MS; waited += LOG_LOOK_MS)
      await sleep(LOG_LOOK_MS);
    return this.logged();
  }

  get #where(): { readonly cwd: string } {
    return { cwd: this.#directory };
  }

  #ours(text: string): string {
    return text
      .replaceAll(LOG, join(this.#directory, "mesh.log"))
      .replaceAll("bin/fairlead", BIN)
      .replace(/\b(?:4140|4141|8082|8083|9990)\b/g, (written) => String(this.port(written)));
  }
}
