// fairlead.static: endpoints that stand in the configuration, by name.
import { Activity } from "../../core/activity.ts";
import { type AddressState, mergeAddresses } from "../../core/endpoint.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { Path, segmentOf } from "../../core/path.ts";
import { collect, type Var } from "../../core/var.ts";
import type { Hosts } from "../../naming/hosts.ts";
import { addressesOf } from "../../naming/utility/inet.ts";
import { completed, type WrittenAddresses } from "./config.ts";

/** A name is one segment; what follows it is residual. IP addresses are known at once, host names are as live as DNS. */
export class StaticNamer implements Namer {
  readonly prefix: Path;
  readonly #written: Readonly<Record<string, WrittenAddresses>>;
  /** By segment. The endpoints of a name are one bound name, so that one balancer has them all. */
  readonly #names: ReadonlyMap<string, Var<AddressState>>;

  constructor(prefix: Path, names: Readonly<Record<string, WrittenAddresses>>, hosts: Pick<Hosts, "live">) {
    this.prefix = prefix;
    this.#written = names;
    this.#names = new Map(Object.entries(names).map(([name, written]) => [segmentOf(name), endpoints(written, hosts)]));
  }

  lookup(rest: Path): Activity<NamedTree> {
    const addresses = this.#names.get(rest.segments[0] ?? "");
    if (addresses === undefined) return Activity.ok(neg);
    const id = this.prefix.concat(rest.take(1));
    return Activity.ok(leaf({ kind: "endpoints", id, residual: rest.drop(1), addresses }));
  }

  names(): Promise<readonly Path[]> {
    return Promise.resolve([...this.#names.keys()].map((segment) => this.prefix.concat(Path.of(segment))));
  }

  state(): unknown {
    return { names: this.#written };
  }
}

function endpoints({ to = [], port }: WrittenAddresses, hosts: Pick<Hosts, "live">): Var<AddressState> {
  const addresses = to.flatMap((written) => completed(written, port) ?? []); // the schema has asked for a port
  return collect(addresses.map(({ host, port: at, weight }) => addressesOf(hosts.live(host), at, weight))).map(
    mergeAddresses,
  );
}
