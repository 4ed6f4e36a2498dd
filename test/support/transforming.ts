// Names for tests of transformers: what they are bound to is set by hand, and shown as text.
import type { AddressState, BoundName, EndpointsName } from "../../src/core/endpoint.ts";
import { leaf, showTree } from "../../src/core/name-tree.ts";
import { pathFrom } from "../../src/core/path.ts";
import { addressText } from "../../src/core/socket-address.ts";
import { Source, type Var } from "../../src/core/var.ts";
import type { BoundNames, Transformer } from "../../src/naming/transformers/transformer.ts";

/** Addresses written `10.0.0.1:80 10.0.0.2:80*0.5`. */
export function addressesIn(text: string): AddressState {
  const words = text.split(" ").filter((word) => word !== "");
  const addresses = words.map((word) => {
    const [place = "", weight = "1"] = word.split("*");
    if (place.startsWith("unix:")) return { host: place.slice(5), port: 0, weight: Number(weight), meta: {} };
    const colon = place.lastIndexOf(":");
    const host = place.slice(0, colon).replace(/[[\]]/g, "");
    return { host, port: Number(place.slice(colon + 1)), weight: Number(weight), meta: {} };
  });
  return { at: "bound", addresses };
}

export function showAddresses(state: AddressState): string {
  if (state.at === "failed") return `failed: ${state.message}`;
  if (state.at !== "bound") return state.at;
  return state.addresses
    .map(({ host, port, weight }) => {
      const place = addressText({ host, port });
      return weight === 1 ? place : `${place}*${weight}`;
    })
    .join(" ");
}

/** A bound name, `/#/io.l5d.fs/web` unless said otherwise, with addresses that can be set. */
export function namedEndpoints(
  addresses: Var<AddressState> | string,
  id = "/#/io.l5d.fs/web",
  residual = "/",
): EndpointsName {
  return {
    kind: "endpoints",
    id: pathFrom(id),
    residual: pathFrom(residual),
    addresses: typeof addresses === "string" ? new Source(addressesIn(addresses)) : addresses,
  };
}

/** A name that the proxy answers itself. */
export const canned: BoundName = {
  kind: "canned",
  id: pathFrom("/$/io.buoyant.http.status/503"),
  residual: pathFrom("/"),
  canned: { status: 503 },
};

/** The name a transformer makes of another. */
export function transformed(transformer: Transformer, name: EndpointsName): EndpointsName {
  const tree = transformer.transform(leaf<BoundName>(name));
  if (tree.kind !== "leaf" || tree.value.kind !== "endpoints") throw new Error(`not a name: ${tree.kind}`);
  return tree.value;
}

/** The addresses a transformer makes of others. */
export function changed(transformer: Transformer, addresses: string): string {
  return showAddresses(transformed(transformer, namedEndpoints(addresses)).addresses.sample());
}

/** Ids, and residuals if there are any. */
export function showNames(tree: BoundNames): string {
  return showTree(tree, ({ id, residual }) => (residual.size === 0 ? id.show() : `${id.show()} + ${residual.show()}`));
}
