// Explaining a bound name: its addresses, and how transformers made it.
import type { AddressState, BoundName, EndpointAddress } from "../core/endpoint.ts";
import { Constant, type Var } from "../core/var.ts";
import type { Delegation, ExplainedAddress, ExplainedAddresses, ExplainedName, Step } from "./delegation.ts";

type Transformed = NonNullable<BoundName["transformed"]>;

/** A bound name at a step. @param of what the first of its transformers changed, if that was no bound name. */
export function explainedLeaf(at: Step, name: BoundName, of?: Delegation): Var<Delegation> {
  const bound = explainedName(name);
  if (name.transformed === undefined) return bound.map((end) => ({ type: "leaf", ...at, bound: end }));
  const last = bound.map((end): Delegation => ({ type: "leaf", path: end.id, bound: end }));
  return madeBy(name.transformed, at, last, of);
}

/** Goes back from a name to what it was made of: the first transformer is the outermost step, as in the original. */
function madeBy({ by, from }: Transformed, at: Step, tree: Var<Delegation>, of?: Delegation): Var<Delegation> {
  if (from === undefined) {
    const before = of === undefined ? {} : { of };
    return tree.map((end) => ({ type: "transformation", ...at, name: by, ...before, tree: end }));
  }
  const here = from.transformed === undefined ? at : { path: from.id.show() };
  const made = explainedName(from).flatMap((bound) =>
    tree.map((end): Delegation => ({ type: "transformation", ...here, name: by, bound, tree: end })),
  );
  return from.transformed === undefined ? made : madeBy(from.transformed, at, made, of);
}

function explainedName(name: BoundName): Var<ExplainedName> {
  const end = { id: name.id.show(), path: name.residual.show() };
  if (name.kind === "endpoints") return name.addresses.map((state) => ({ addr: explained(state), ...end }));
  const addr: ExplainedAddresses = { type: "bound", addrs: [], meta: {} };
  return new Constant({ addr, ...end, status: name.canned.status });
}

function explained(state: AddressState): ExplainedAddresses {
  if (state.at === "bound") return { type: "bound", addrs: state.addresses.map(addressOf), meta: {} };
  if (state.at === "failed") return { type: "failed", cause: state.message };
  return state.at === "neg" ? { type: "neg" } : { type: "pending" };
}

/** Weight is metadata here, under Finagle's name for it, and left out where it is 1. */
function addressOf({ host, port, weight, meta }: EndpointAddress): ExplainedAddress {
  return { ip: host, port, meta: weight === 1 ? meta : { ...meta, endpoint_addr_weight: weight } };
}
