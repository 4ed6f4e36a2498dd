// /$/inet, /$/fixedinet and /$/io.buoyant.rinet: names that are a host and a port (finagle §1.7, linkerd1 §3.4).
import { Activity } from "../../core/activity.ts";
import { type AddressState, negAddresses, pendingAddresses } from "../../core/endpoint.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { type Path, pathFrom } from "../../core/path.ts";
import type { Var } from "../../core/var.ts";
import type { Hosts, HostState } from "../hosts.ts";

type Resolve = (host: string) => Var<HostState>;
type Resolving = Pick<Hosts, "live" | "fixed">;

/** `/$/inet/host/port/…`, and `/$/inet/port/…` for this machine. The host is looked up again every 5 s. */
export function inetNamer(hosts: Resolving): Namer {
  return hostFirst("/$/inet", (host) => hosts.live(host));
}

/** As `/$/inet`, looked up once. */
export function fixedInetNamer(hosts: Resolving): Namer {
  return hostFirst("/$/fixedinet", (host) => hosts.fixed(host));
}

/** `/$/io.buoyant.rinet/port/host/…`: the port first, so that a prefix can fix it. */
export function rinetNamer(hosts: Resolving): Namer {
  const prefix = pathFrom("/$/io.buoyant.rinet");
  const lookup = (rest: Path): Activity<NamedTree> => {
    const [port, host] = rest.segments;
    const number = portNumber(port);
    return host === undefined || number === undefined
      ? nothing
      : bound(prefix, rest, 2, addressesOf(hosts.live(host), number));
  };
  return { prefix, lookup };
}

function hostFirst(prefixText: string, resolve: Resolve): Namer {
  const prefix = pathFrom(prefixText);
  const lookup = (rest: Path): Activity<NamedTree> => {
    const [first, second] = rest.segments;
    const port = portNumber(second);
    if (first !== undefined && port !== undefined) return bound(prefix, rest, 2, addressesOf(resolve(first), port));
    const localPort = portNumber(first);
    return localPort === undefined ? nothing : bound(prefix, rest, 1, addressesOf(resolve(""), localPort));
  };
  return { prefix, lookup };
}

const nothing: Activity<NamedTree> = Activity.ok(neg);

function bound(prefix: Path, rest: Path, used: number, addresses: Var<AddressState>): Activity<NamedTree> {
  return Activity.ok(
    leaf({ kind: "endpoints", id: prefix.concat(rest.take(used)), residual: rest.drop(used), addresses }),
  );
}

/** A port as a path segment: 1 to 65535. */
function portNumber(segment: string | undefined): number | undefined {
  if (segment === undefined || !/^\d{1,5}$/.test(segment)) return undefined;
  const port = Number(segment);
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** The endpoints of a host at one port. */
export function addressesOf(host: Var<HostState>, port: number, weight = 1): Var<AddressState> {
  return host.map((state) => {
    if (state.at === "bound")
      return { at: "bound", addresses: state.addresses.map((ip) => ({ host: ip, port, weight, meta: {} })) };
    if (state.at === "failed") return state;
    return state.at === "neg" ? negAddresses : pendingAddresses;
  });
}
