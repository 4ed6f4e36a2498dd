// fairlead.files: endpoints in files that are named one by one, wherever they are.
import { basename, dirname, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { Activity } from "../../core/activity.ts";
import type { AddressState } from "../../core/endpoint.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { Path, segmentOf } from "../../core/path.ts";
import type { Var } from "../../core/var.ts";
import type { Hosts } from "../../naming/hosts.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { FileEndpoints } from "./file-endpoints.ts";
import type { Problems } from "./problems.ts";
import { WatchedEntries } from "./watched-entries.ts";

export interface NamedFilesOptions {
  readonly prefix: Path;
  /** By name; a relative path is taken from where the process was started. */
  readonly names: Readonly<Record<string, string>>;
  /** Hears of files that cannot be understood. */
  readonly problems: Problems;
}

/** A name is one segment, and bound whether or not its file is there: while it is not, the name has no addresses. */
export class NamedFilesNamer implements Namer {
  readonly prefix: Path;
  readonly #files: ReadonlyMap<string, string>;
  readonly #entries: WatchedEntries;
  readonly #endpoints: FileEndpoints;

  constructor(
    { names, prefix, problems }: NamedFilesOptions,
    env: Env,
    hosts: Pick<Hosts, "live">,
    disk: Disk = nodeDisk,
  ) {
    this.prefix = prefix;
    this.#files = new Map(Object.entries(names).map(([name, file]) => [segmentOf(name), resolve(file)]));
    this.#entries = new WatchedEntries(disk, env);
    this.#endpoints = new FileEndpoints(hosts, problems);
  }

  lookup(rest: Path): Activity<NamedTree> {
    const file = this.#files.get(rest.segments[0] ?? "");
    if (file === undefined) return Activity.ok(neg);
    const id = this.prefix.concat(rest.take(1));
    return Activity.ok(leaf({ kind: "endpoints", id, residual: rest.drop(1), addresses: this.#addresses(file) }));
  }

  names(): Promise<readonly Path[]> {
    return Promise.resolve([...this.#files.keys()].map((segment) => this.prefix.concat(Path.of(segment))));
  }

  state(): unknown {
    return { files: [...this.#files.values()], directories: this.#entries.state() };
  }

  #addresses(file: string): Var<AddressState> {
    return this.#endpoints.in(this.#entries.at(dirname(file), "", basename(file)), file);
  }
}
