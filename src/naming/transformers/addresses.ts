// Transformers that change the addresses of each bound name and leave the tree as it is.
import { type AddressState, type BoundName, sameAddresses } from "../../core/endpoint.ts";
import { mapTree } from "../../core/name-tree.ts";
import type { Path } from "../../core/path.ts";
import type { Var } from "../../core/var.ts";
import { memoised, type Transformer } from "./transformer.ts";

/** What an address transformer consists of. */
export interface AddressChange {
  readonly kind: string;
  /** What the ids of transformed names begin with, `/%/io.l5d.port/4141`. */
  readonly prefix: Path;
  readonly filters: boolean;
  readonly change: (addresses: Var<AddressState>) => Var<AddressState>;
}

/** A transformer that changes addresses. A name the proxy answers itself has none, and stays as it is. */
export function addressTransformer({ change, filters, kind, prefix }: AddressChange): Transformer {
  // By what the addresses come from: namers make new names for the same source.
  const changed = memoised((addresses: Var<AddressState>) => change(addresses).distinct(sameAddresses));
  const named = memoised((name: BoundName): BoundName => {
    if (name.kind !== "endpoints") return name;
    const transformed = { by: kind, from: name };
    return { ...name, id: prefix.concat(name.id), addresses: changed(name.addresses), transformed };
  });
  return { filters, transform: memoised((tree) => mapTree(tree, named)) };
}
