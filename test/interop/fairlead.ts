// fairlead as its users start it: a process with a configuration file. The file is one of Linkerd 1.x.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { freePort, listening, type Processes, type Running } from "./processes.ts";

const YAML = resolve(import.meta.dirname, "../e2e/linkerd1.yaml");
/** Another `bin/fairlead` than that of this clone, such as one from a packed tarball. */
export const BIN = process.env["FAIRLEAD_BIN"] ?? resolve(import.meta.dirname, "../../bin/fairlead");

/** A running fairlead. */
export interface Fairlead {
  readonly process: Running;
  /** host:port of its routers, and of the admin pages. */
  readonly byHost: string;
  readonly byPath: string;
  readonly byHeader: string;
  readonly edge: string;
  readonly admin: string;
  /** Where names are: a file per name. */
  readonly disco: Discovery;
}

/** The directory that `io.l5d.fs` watches. */
export class Discovery {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Writes a name's endpoints, as most tools do: beside it, then in its place. */
  put(name: string, ports: readonly number[]): void {
    const beside = join(this.directory, `.${name}.new`);
    writeFileSync(beside, endpoints(ports));
    renameSync(beside, join(this.directory, name));
  }

  /** Writes over the file that is there, as a person with an editor may. */
  overwrite(name: string, ports: readonly number[]): void {
    writeFileSync(join(this.directory, name), endpoints(ports));
  }
}

function endpoints(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1 ${port}\n`).join("");
}

/** Starts fairlead in a directory of its own. Of the YAML only ports and `rootDir` change. */
export async function startFairlead(processes: Processes, directory: string, disco: Discovery): Promise<Fairlead> {
  const ports = new Map<string, number>();
  for (const written of ["4140", "4141", "4142", "4143", "9990"]) ports.set(written, await freePort());
  const yaml = readFileSync(YAML, "utf8")
    .replace("rootDir: disco", `rootDir: ${disco.directory}`)
    .replace(/(?<=port: )\d+/g, (written) => String(ports.get(written)));
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "linkerd1.yaml");
  writeFileSync(file, yaml);
  const running = processes.start("fairlead", process.execPath, [BIN, "run", file]);
  for (const port of ports.values()) await listening(running, port);
  const at = (written: string) => `127.0.0.1:${ports.get(written)}`;
  return {
    process: running,
    byHost: at("4140"),
    byPath: at("4141"),
    byHeader: at("4142"),
    edge: at("4143"),
    admin: at("9990"),
    disco,
  };
}
