// The endpoints that one file lists, as live as the file and the host names in it.
import { type AddressState, mergeAddresses, negAddresses, pendingAddresses } from "../../core/endpoint.ts";
import { isUnixPath, unixPathProblem } from "../../core/socket-address.ts";
import { collect, Constant, type Var } from "../../core/var.ts";
import type { Hosts } from "../../naming/hosts.ts";
import { addressesOf } from "../../naming/utility/inet.ts";
import { type FileAddress, parseAddresses } from "./addresses.ts";
import type { Problems } from "./problems.ts";
import type { EntryState } from "./watched-directory.ts";

/** Reads files for a namer. A file that cannot be understood has failed addresses, so that whoever has the last good ones goes on with them. */
export class FileEndpoints {
  readonly #hosts: Pick<Hosts, "live">;
  readonly #problems: Problems;

  /** @param problems hears of files that cannot be understood. */
  constructor(hosts: Pick<Hosts, "live">, problems: Problems) {
    this.#hosts = hosts;
    this.#problems = problems;
  }

  /** What the file at `path` lists. */
  in(entry: Var<EntryState>, path: string): Var<AddressState> {
    return entry.flatMap((state) => this.#addresses(path, state));
  }

  #addresses(path: string, state: EntryState): Var<AddressState> {
    if (state.at === "pending") return new Constant(pendingAddresses);
    if (state.at === "missing" || state.at === "directory") {
      this.#problems.are(path, undefined);
      return new Constant(negAddresses);
    }
    if (state.at === "socket") return this.#socket(path);
    if (state.at !== "file") return this.#broken(path, state.message);
    const lines = parseAddresses(state.text);
    if ("problem" in lines) return this.#broken(path, `${path}, ${lines.problem}`);
    this.#problems.are(path, undefined);
    return collect(lines.map((line) => this.#endpoints(line))).map(mergeAddresses);
  }

  #socket(path: string): Var<AddressState> {
    const problem = unixPathProblem(path);
    if (problem !== null) return this.#broken(path, `${path}: ${problem}`);
    this.#problems.are(path, undefined);
    return unixAddress(path, 1);
  }

  #broken(path: string, message: string): Var<AddressState> {
    this.#problems.are(path, message);
    return new Constant({ at: "failed", message });
  }

  /** A line with a host name is as live as the name: it is looked up again and again. */
  #endpoints({ host, port, weight }: FileAddress): Var<AddressState> {
    if (isUnixPath(host)) return unixAddress(host, weight);
    return addressesOf(this.#hosts.live(host), port, weight);
  }
}

function unixAddress(path: string, weight: number): Var<AddressState> {
  return new Constant<AddressState>({ at: "bound", addresses: [{ host: path, port: 0, weight, meta: {} }] });
}
