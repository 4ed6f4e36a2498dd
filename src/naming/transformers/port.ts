// io.l5d.port: the same hosts at another port, where for instance the proxies of the services listen (linker-to-linker).
import { type AddressState, mergeAddresses } from "../../core/endpoint.ts";
import type { Path } from "../../core/path.ts";
import { isUnixPath } from "../../core/socket-address.ts";
import { addressTransformer } from "./addresses.ts";
import type { Transformer } from "./transformer.ts";

/**
 * Replaces the port of every address. Those that are the same then are one; its weight is that of the last. A unix socket has no port, and
 * nothing beside it that could be reached in its place: it stays as it is.
 */
export function portTransformer(prefix: Path, port: number): Transformer {
  const change = (state: AddressState): AddressState => {
    if (state.at !== "bound") return state;
    const addresses = state.addresses.map((address) => (isUnixPath(address.host) ? address : { ...address, port }));
    return mergeAddresses([{ at: "bound", addresses }]);
  };
  return addressTransformer({ kind: "io.l5d.port", prefix, filters: false, change: (states) => states.map(change) });
}
