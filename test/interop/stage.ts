// What the cases of all peers share: fairlead, the services behind it, and where to put things.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Fairlead } from "./fairlead.ts";
import type { Need } from "./machine.ts";
import { freePort, listening, type Processes, type Running } from "./processes.ts";
import type { Report } from "./report.ts";

/** A program of others that has to get along with fairlead. */
export interface Peer {
  readonly name: string;
  /** An issue names it: on our machines its absence is a failure. */
  readonly named: boolean;
  readonly needs: readonly Need[];
  /** Runs its cases; `commands` has one for each need. */
  run(stage: Stage, ...commands: string[]): Promise<void>;
}

/** A service that runs behind fairlead. */
export interface Service {
  readonly port: number;
  readonly process: Running;
}

/** Everything a case may use. */
export class Stage {
  readonly report: Report;
  readonly processes: Processes;
  readonly fairlead: Fairlead;
  readonly #scratch: string;

  constructor(report: Report, processes: Processes, fairlead: Fairlead, scratch: string) {
    this.report = report;
    this.processes = processes;
    this.fairlead = fairlead;
    this.#scratch = scratch;
  }

  /** A directory for one peer. */
  directory(name: string): string {
    const path = join(this.#scratch, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Starts a service and puts it where `Host: NAME` leads. */
  async serve(name: string, start: (port: number) => Launch, lead = true): Promise<Service> {
    const port = await freePort();
    const { command, args, env } = start(port);
    const own = { NAME: name, PORT: String(port), PROXY: this.fairlead.byHost };
    const running = this.processes.start(name, command, args, { env: { ...own, ...env } });
    await listening(running, port);
    if (lead) this.fairlead.disco.put(name, [port]);
    return { port, process: running };
  }

  /** A service in Node; it can do more than the others. */
  serveNode(name: string, lead = true): Promise<Service> {
    return this.serve(name, () => ({ command: process.execPath, args: [program("services/node.mjs")] }), lead);
  }

  /** Runs a client that checks itself, and takes over what it says. */
  async client(command: string, args: readonly string[]): Promise<void> {
    const { byHost, byPath } = this.fairlead;
    let checks = 0;
    let announced: number | undefined;
    const { code, stderr } = await this.processes.run(command, args, {
      env: { FAIRLEAD: byHost, FAIRLEAD_BY_PATH: byPath },
      line: (line) => {
        const [, verdict, name, why] = /^(ok|not ok) ([^:]+)(?:: (.*))?$/.exec(line) ?? [];
        if (name !== undefined) checks++;
        if (verdict === "ok") this.report.pass(`client ${name}`);
        else if (name !== undefined) this.report.fail(`client ${name}`, why);
        else announced = Number(/^(\d+) checks$/.exec(line)?.[1]);
      },
    });
    if (code === 0 && checks === announced) return;
    this.report.fail("client runs to its end", `exit code ${code} after ${checks} checks\n${stderr.slice(0, 2000)}`);
  }
}

/** How to start a service. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A source file of a peer. */
export function program(path: string): string {
  return resolve(import.meta.dirname, "peers", path);
}
