// A balancer at one moment, for gauges and pages.
import { type BalancerNode, type Census, EndpointStatus } from "../core/picker.ts";

/** Counts nodes by status. Looking wakes endpoints whose dead period is over, as a pick would. */
export function censusOf(nodes: readonly BalancerNode[], nowMs: number): Census {
  const byStatus = { [EndpointStatus.closed]: 0, [EndpointStatus.busy]: 0, [EndpointStatus.open]: 0 };
  for (const node of nodes) byStatus[node.settledStatus(nowMs)]++;
  const weights = nodes.map((node) => node.weight);
  return {
    size: nodes.length,
    available: byStatus[EndpointStatus.open],
    busy: byStatus[EndpointStatus.busy],
    closed: byStatus[EndpointStatus.closed],
    load: nodes.reduce((sum, node) => sum + node.cell.pending, 0),
    meanWeight: nodes.length === 0 ? 0 : weights.reduce((sum, weight) => sum + weight, 0) / nodes.length,
    weightClasses: new Set(weights).size,
  };
}
