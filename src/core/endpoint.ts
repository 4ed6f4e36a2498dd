// What names are bound to: addresses that come and go, or an answer the proxy makes itself.
import type { Path } from "./path.ts";
import { addressText } from "./socket-address.ts";
import type { Var } from "./var.ts";

/** Where one instance of a service listens (`socket-address`). Identity is `host:port`, or the path; weight and metadata may change for the same endpoint. */
export interface EndpointAddress {
  /** An IP address, a host name still to be resolved by whoever connects, or the absolute path of a unix socket. */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Share of the traffic relative to the other endpoints; 1 unless discovery says otherwise. */
  readonly weight: number;
  readonly meta: Readonly<Record<string, string>>;
}

/** `10.0.0.1:8080`, `[::1]:8080`, `unix:/run/users.sock`: the identity of an endpoint. */
export function endpointKey(address: EndpointAddress): string {
  return addressText(address);
}

/** What discovery says of a bound name: not yet anything, a set of addresses, "there is no such thing", or an error. */
export type AddressState =
  | { readonly at: "pending" }
  | { readonly at: "bound"; readonly addresses: readonly EndpointAddress[] }
  | { readonly at: "neg" }
  | { readonly at: "failed"; readonly message: string };

export const pendingAddresses: AddressState = { at: "pending" };
export const negAddresses: AddressState = { at: "neg" };

/** Several states as one (Finagle `Addr` merging): bound if any is, else neg if all are, else failed if any is, else pending. */
export function mergeAddresses(states: readonly AddressState[]): AddressState {
  const bound = states.filter((s) => s.at === "bound");
  if (bound.length > 0 || states.length === 0)
    return { at: "bound", addresses: unique(bound.flatMap((s) => s.addresses)) };
  if (states.every((s) => s.at === "neg")) return negAddresses;
  return states.find((s) => s.at === "failed") ?? pendingAddresses;
}

/** One address per endpoint; what is said last of it counts. */
function unique(addresses: readonly EndpointAddress[]): readonly EndpointAddress[] {
  const byKey = new Map(addresses.map((address) => [endpointKey(address), address]));
  return byKey.size === addresses.length ? addresses : [...byKey.values()];
}

/** Whether two states say the same: what only comes from elsewhere must not disturb anybody. */
export function sameAddresses(a: AddressState, b: AddressState): boolean {
  if (a === b) return true;
  if (a.at === "failed") return b.at === "failed" && a.message === b.message;
  if (a.at !== "bound" || b.at !== "bound") return a.at === b.at;
  return a.addresses.length === b.addresses.length && a.addresses.every((one, i) => sameAddress(one, b.addresses[i]));
}

function sameAddress(a: EndpointAddress, b: EndpointAddress | undefined): boolean {
  return b !== undefined && endpointKey(a) === endpointKey(b) && a.weight === b.weight && sameMeta(a.meta, b.meta);
}

function sameMeta(a: EndpointAddress["meta"], b: EndpointAddress["meta"]): boolean {
  const keys = Object.keys(a);
  return a === b || (keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]));
}

/** The end of binding. Two bound names are equal if their ids are: addresses stream beneath, and never make another name of it. */
export type BoundName = EndpointsName | CannedName;

interface Bound {
  /** The concrete name: `/#/io.l5d.fs/users`, `/$/inet/10.0.0.1/80`. */
  readonly id: Path;
  /** What the namer did not use of the path. */
  readonly residual: Path;
  /** For explanations: the kind of the transformer that made this name, and of which bound name, if of one. */
  readonly transformed?: { readonly by: string; readonly from?: BoundName };
}

/** A name that is a changing set of endpoints. */
export interface EndpointsName extends Bound {
  readonly kind: "endpoints";
  readonly addresses: Var<AddressState>;
}

/** A name whose every request the protocol answers itself, such as `/$/io.buoyant.http.status/503`. */
export interface CannedName extends Bound {
  readonly kind: "canned";
  readonly canned: { readonly status: number };
}

/** Whether two bound names are the same destination with the same residual. */
export function sameBound(a: BoundName, b: BoundName): boolean {
  return a === b || (a.kind === b.kind && a.id.equals(b.id) && a.residual.equals(b.residual));
}
