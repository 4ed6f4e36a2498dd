// A systemd that runs the units of examples/systemd, as process 1 of a machine within this one (peers/systemd/machine.sh).
import { equal } from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ended, Running } from "../processes.ts";
import { program, type Stage } from "../stage.ts";

const CLONE = resolve(import.meta.dirname, "../../..");
const UNITS = join(CLONE, "examples/systemd");
const PATIENCE_MS = 15_000;
const LOOK_MS = 50;

export const SERVICE = "fairlead.service";
export const MACHINE = program("systemd/machine.sh");

/** What of the machine is looked at and changed from outside. */
export class Machine {
  readonly #stage: Stage;
  readonly #shared: string;
  readonly #units: string;
  readonly #running: Running;
  #pid = 0;

  private constructor(stage: Stage, shared: string, units: string, running: Running) {
    this.#stage = stage;
    this.#shared = shared;
    this.#units = units;
    this.#running = running;
  }

  /** Starts it, with a service `users` and a service `users-v2`. */
  static async start(stage: Stage): Promise<Machine> {
    const shared = stage.directory("systemd-machine");
    const units = join(shared, "units");
    for (const name of ["units", `units/${SERVICE}.d`, "root", "etc", "etc/disco"]) mkdirSync(join(shared, name));
    writeUnits(units);
    const args = [MACHINE, CLONE, realpathSync(process.execPath), units, shared];
    const machine = new Machine(stage, shared, units, stage.processes.start("systemd-machine", "sh", args));
    for (const [name, port] of Object.entries(BACKENDS)) machine.write(`disco/${name}`, `127.0.0.1 ${port}\n`);
    machine.configure("users");
    await machine.#booted();
    return machine;
  }

  async #booted(): Promise<void> {
    const file = join(this.#shared, "pid");
    await until("systemd", async () => {
      this.#pid = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
      return this.#pid > 0 && (await this.state("users.service", "ActiveState")) === "active";
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${this.#running.said()}`);
    });
    for (const port of Object.values(BACKENDS)) {
      await until(
        `port ${port}`,
        async () => (await this.curl("-o", "/dev/null", `127.0.0.1:${port}/hello`)).code === 0,
      );
    }
  }

  /** Runs a command in it. */
  run(...command: string[]): Promise<Ended> {
    return this.#stage.processes.run("nsenter", ["--target", String(this.#pid), "--all", "--root", "--wd", ...command]);
  }

  /** A command of systemctl that must succeed. */
  async systemctl(...args: string[]): Promise<void> {
    const { code, stderr } = await this.run("systemctl", ...args);
    if (code !== 0) throw new Error(`systemctl ${args.join(" ")}: ${stderr}\n${this.log()}`);
  }

  /** A property of a unit. */
  async state(unit: string, property: string): Promise<string> {
    return (await this.run("systemctl", "show", "--value", "--property", property, unit)).stdout.trim();
  }

  /** A program of this machine in the other's network. */
  inNetwork(...command: string[]): Promise<Ended> {
    return this.#stage.processes.run("nsenter", ["--target", String(this.#pid), "--net", ...command]);
  }

  curl(...args: string[]): Promise<Ended> {
    return this.inNetwork("curl", "--silent", "--max-time", "20", ...args);
  }

  /** Who answers for `users`. */
  async users(path = "/hello"): Promise<string> {
    return (await this.curl("-H", "Host: users", `http://127.0.0.1:4140${path}`)).stdout.trim();
  }

  /** Sixteen connections of load for so long; what went wrong. */
  async load(seconds: number, ...more: string[]): Promise<readonly string[]> {
    const options = ["-t2", "-c16", `-d${seconds}s`, "--timeout", "10s", "-H", "Host: users", ...more];
    const { stderr, stdout } = await this.inNetwork("wrk", ...options, "http://127.0.0.1:4140/hello");
    if (!/[1-9]\d* requests in/.test(stdout)) throw new Error(`wrk did not run: ${stdout}${stderr}`);
    return stdout.match(/Socket errors: .*|Non-2xx .*/g) ?? [];
  }

  /** Says in its configuration which service `users` is. */
  configure(users: string): void {
    this.write("fairlead.yaml", configurationText(users));
  }

  /** A file under /etc/fairlead. */
  write(name: string, text: string): void {
    writeFileSync(join(this.#shared, "etc", name), text);
  }

  /** Adds to the service, as `systemctl edit` does. */
  async edit(text: string): Promise<void> {
    writeFileSync(join(this.#units, `${SERVICE}.d/edit.conf`), text);
    await this.systemctl("daemon-reload");
  }

  /** What the service has said. */
  log(): string {
    return readFileSync(join(this.#shared, "log"), "utf8");
  }

  /** Ends it, with all that runs in it. */
  async end(): Promise<void> {
    if (this.#pid > 0) process.kill(this.#pid, "SIGKILL");
    equal(await this.#running.ended, 0);
  }
}

const BACKENDS = { users: 8101, "users-v2": 8102 };

/** Of systemd's own units only those that others ask for, and empty ones: the rest would set up a whole system. */
function writeUnits(units: string): void {
  const write = (name: string, text: string) => writeFileSync(join(units, name), text);
  for (const name of [SERVICE, "fairlead.socket"]) copyFileSync(join(UNITS, name), join(units, name));
  for (const name of ["sysinit", "basic", "shutdown", "sockets", "network"]) {
    write(`${name}.target`, "[Unit]\nDefaultDependencies=no\n");
  }
  const wanted = ["fairlead.socket", "users.service", "users-v2.service"].join(" ");
  write("multi-user.target", `[Unit]\nDefaultDependencies=no\nRequires=${wanted}\nAfter=${wanted}\n`);
  for (const [name, port] of Object.entries(BACKENDS)) {
    const environment = `NAME=${name} PORT=${port} PROXY=127.0.0.1:4140`;
    const start = "/usr/local/bin/node /opt/clone/test/interop/peers/services/node.mjs";
    write(`${name}.service`, `[Service]\nType=exec\nEnvironment=${environment}\nExecStart=${start}\n`);
  }
  // There is no journal.
  write(`${SERVICE}.d/log.conf`, "[Service]\nStandardOutput=append:/run/shared/log\nStandardError=inherit\n");
}

function configurationText(users: string): string {
  return `fairlead: 1
namers:
  - kind: io.l5d.fs
    rootDir: /etc/fairlead/disco
routers:
  - protocol: http
    label: fairlead
    dtab: |
      /svc       => /#/io.l5d.fs;
      /svc/users => /#/io.l5d.fs/${users};
    httpAccessLog: /var/log/fairlead/access.log
    servers:
      - ip: 127.0.0.1
        port: 4140
`;
}

/** Waits until it holds. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; !(await holds()); waitedMs += LOOK_MS) {
    if (waitedMs > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms for ${what} in vain`);
    await sleep(LOOK_MS);
  }
}
