// io.l5d.specificHost: only the instances on one host.
import type { Path } from "../../core/path.ts";
import { addressTransformer } from "./addresses.ts";
import { filtered } from "./filter.ts";
import { canonicalIp } from "./ip.ts";
import type { Transformer } from "./transformer.ts";

/** Keeps the addresses of one IP address, whatever their ports. */
export function specificHostTransformer(prefix: Path, host: string): Transformer {
  const wanted = canonicalIp(host);
  return addressTransformer({
    kind: "io.l5d.specificHost",
    prefix,
    filters: true,
    change: (states) => states.map((state) => filtered(state, (address) => canonicalIp(address.host) === wanted)),
  });
}
