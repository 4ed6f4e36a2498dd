// io.l5d.localhost: only the instances on this machine, as the incoming half of a linker-to-linker pair wants it.
import { type AddressState, pendingAddresses } from "../../core/endpoint.ts";
import type { Path } from "../../core/path.ts";
import { isUnixPath } from "../../core/socket-address.ts";
import type { Var } from "../../core/var.ts";
import type { HostState } from "../hosts.ts";
import { addressTransformer } from "./addresses.ts";
import { filtered } from "./filter.ts";
import { canonicalIp } from "./ip.ts";
import type { Transformer } from "./transformer.ts";

/** How this machine is known. */
export interface ThisMachine {
  /** The addresses of its network interfaces. */
  readonly interfaces: readonly string[];
  /** What its own name resolves to, which may be the address others see it by. */
  readonly named: Var<HostState>;
}

/** Keeps the addresses of this machine; a unix socket is always here. All of 127.0.0.0/8 is here, although interfaces list only one of it. */
export function localhostTransformer(prefix: Path, { interfaces, named }: ThisMachine): Transformer {
  const known = new Set(interfaces.map(canonicalIp));
  const own = named.map((state) => ({
    settled: state.at !== "pending",
    addresses: new Set(state.at === "bound" ? state.addresses.map(canonicalIp) : []),
  }));
  const isKnown = (host: string) =>
    known.has(host) || host === "::1" || isUnixPath(host) || /^127\.\d+\.\d+\.\d+$/.test(host);
  const change = (state: AddressState) =>
    own.map(({ addresses, settled }): AddressState => {
      const kept = filtered(state, ({ host }) => isKnown(canonicalIp(host)) || addresses.has(canonicalIp(host)));
      // Nothing is here, as far as is known; the name of this machine may still tell otherwise.
      return kept.at === "neg" && state.at === "bound" && !settled ? pendingAddresses : kept;
    });
  const kind = "io.l5d.localhost";
  return addressTransformer({ kind, prefix, filters: true, change: (states) => states.flatMap(change) });
}
