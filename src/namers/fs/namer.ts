// io.l5d.fs: service discovery in files, one per service (linkerd1 §4.1), or in the unix sockets that services listen on.
import { basename, dirname, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { Activity } from "../../core/activity.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import type { Path } from "../../core/path.ts";
import type { Var } from "../../core/var.ts";
import type { Hosts } from "../../naming/hosts.ts";
import { type Disk, nodeDisk } from "./disk.ts";
import { FileEndpoints } from "./file-endpoints.ts";
import { enumerate, fileNameOf } from "./file-names.ts";
import type { Problems } from "./problems.ts";
import { type EntryState, sameEntry } from "./watched-directory.ts";
import { WatchedEntries } from "./watched-entries.ts";

export interface FsOptions {
  /** The whole prefix, `/#/io.l5d.fs`. */
  readonly prefix: Path;
  /** The directory of the files; a relative one is taken from where the process was started. */
  readonly rootDir: string;
  /** Hears of files that cannot be understood. */
  readonly problems: Problems;
}

/**
 * Names are files under `rootDir`, through sub-directories; what follows the file's name is residual. A file is bound, live; a missing one is
 * neg; one that cannot be understood is bound with failed addresses, so that whoever has the last good ones goes on with them. A unix socket
 * in the place of a file is itself the one address. There is no name for sockets elsewhere: callers choose names, by Host or by override,
 * and must not get at every socket of the machine that this process may connect to.
 */
export class FsNamer implements Namer {
  readonly prefix: Path;
  readonly #root: string;
  readonly #disk: Disk;
  readonly #entries: WatchedEntries;
  readonly #endpoints: FileEndpoints;

  constructor(options: FsOptions, env: Env, hosts: Hosts, disk: Disk = nodeDisk) {
    this.prefix = options.prefix;
    this.#root = resolve(options.rootDir);
    this.#disk = disk;
    this.#entries = new WatchedEntries(disk, env);
    this.#endpoints = new FileEndpoints(hosts, options.problems);
  }

  lookup(rest: Path): Activity<NamedTree> {
    // The root is looked at as an entry of its parent, so that a root that is swapped as a whole is noticed.
    return this.#walk(this.#entries.at(dirname(this.#root), "", basename(this.#root)), this.#root, rest, 0);
  }

  names(): Promise<readonly Path[]> {
    return enumerate(this.#disk, this.#root, this.prefix);
  }

  state(): unknown {
    return { rootDir: this.#root, directories: this.#entries.state() };
  }

  /** Follows `rest` down from an entry; its first `used` segments led there. */
  #walk(entry: Var<EntryState>, path: string, rest: Path, used: number): Activity<NamedTree> {
    const named = entry.distinct(sameKind).flatMap((state) => this.#named(entry, state, path, rest, used).states);
    return new Activity(named);
  }

  #named(entry: Var<EntryState>, state: EntryState, path: string, rest: Path, used: number): Activity<NamedTree> {
    switch (state.at) {
      case "pending":
        return Activity.pending;
      case "failed":
        return Activity.failed(`${path}: ${state.message}`);
      case "missing":
        return Activity.ok(neg);
      case "directory":
        return this.#descend(path, state.identity, rest, used);
      default:
        return used === 0
          ? Activity.failed(`${path} is not a directory`)
          : Activity.ok(this.#bound(entry, path, rest, used));
    }
  }

  #descend(directory: string, identity: string, rest: Path, used: number): Activity<NamedTree> {
    const name = fileNameOf(rest.segments[used]);
    if (name === undefined) return Activity.ok(neg);
    return this.#walk(this.#entries.at(directory, identity, name), resolve(directory, name), rest, used + 1);
  }

  #bound(entry: Var<EntryState>, path: string, rest: Path, used: number): NamedTree {
    const addresses = this.#endpoints.in(entry, path);
    return leaf({ kind: "endpoints", id: this.prefix.concat(rest.take(used)), residual: rest.drop(used), addresses });
  }
}

/** Whether an entry is still the same kind of thing, whatever a file contains. */
function sameKind(a: EntryState, b: EntryState): boolean {
  return (isFile(a) && isFile(b)) || sameEntry(a, b);
}

function isFile(state: EntryState): boolean {
  return state.at === "file" || state.at === "unreadable" || state.at === "socket";
}
