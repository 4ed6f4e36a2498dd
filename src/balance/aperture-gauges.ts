// What an aperture shows when someone looks (finagle §2.6, §2.7). Where endpoints differ in weight, the sum over the weights.
import type { Scope } from "../telemetry/registry.ts";
import { inAddressOrder, vectorHash } from "./address-order.ts";

interface Grouped<G> {
  readonly groups: readonly G[];
}

export function registerApertureGauges(
  scope: Scope,
  balancer: Grouped<{ readonly logicalAperture: number; readonly physicalAperture: number }>,
): void {
  scope.gauge("logical_aperture", () => sum(balancer.groups, (group) => group.logicalAperture));
  scope.gauge("physical_aperture", () => sum(balancer.groups, (group) => group.physicalAperture));
}

export function registerBandGauges(
  scope: Scope,
  balancer: Grouped<{ readonly band: { readonly offeredLoad: number } }>,
): void {
  scope.scope("loadband").gauge("offered_load_ema", () => sum(balancer.groups, ({ band }) => band.offeredLoad));
}

export function registerVectorHash(
  scope: Scope,
  balancer: { readonly nodes: readonly { readonly key: string }[] },
): void {
  scope.gauge("vector_hash", () => vectorHash(inAddressOrder(balancer.nodes)));
}

function sum<G>(groups: readonly G[], of: (group: G) => number): number {
  return groups.reduce((total, group) => total + of(group), 0);
}
