// A directory of `io.l5d.fs` for one test: files with one `host port`, or `unix:/path`, per line.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { World } from "./world.ts";

/** A directory that is removed with its world. */
export class Disco {
  readonly directory: string;
  #written = 0;

  constructor(world: World) {
    this.directory = mkdtempSync(join(tmpdir(), "fairlead-disco-"));
    world.atEnd(() => rmSync(this.directory, { recursive: true }));
  }

  /** For `namers` of a configuration. */
  get namer(): { kind: string; rootDir: string } {
    return { kind: "io.l5d.fs", rootDir: this.directory };
  }

  /** Writes the addresses of a name, in one step as a careful program does; each may have a weight. */
  write(
    name: string,
    services: readonly { readonly host: string; readonly port: number; readonly weight?: number }[],
  ): void {
    const place = (host: string, port: number) => (host.startsWith("/") ? `unix:${host}` : `${host} ${port}`);
    const lines = services.map((s) => `${place(s.host, s.port)}${s.weight === undefined ? "" : ` * ${s.weight}`}\n`);
    const draft = join(this.directory, `.draft-${this.#written++}`);
    writeFileSync(draft, lines.join(""));
    renameSync(draft, join(this.directory, name));
  }

  remove(name: string): void {
    rmSync(join(this.directory, name));
  }
}
