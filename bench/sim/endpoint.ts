// An endpoint as a client of the simulation knows it: the product's health and load, and the instance behind.
import { type BalancerNode, EndpointStatus, type LoadCell } from "../../src/core/picker.ts";
import type { Standing } from "../../src/resilience/standing.ts";
import type { Instance } from "./instance.ts";

export class SimulatedEndpoint implements BalancerNode {
  readonly key: string;
  weight = 1;
  readonly cell: LoadCell;
  readonly accrual: Standing;
  readonly instance: Instance;

  constructor(instance: Instance, cell: LoadCell, accrual: Standing) {
    this.key = instance.key;
    this.cell = cell;
    this.accrual = accrual;
    this.instance = instance;
  }

  status(nowMs: number): EndpointStatus {
    return this.accrual.status(nowMs, EndpointStatus.open);
  }

  settledStatus(nowMs: number): EndpointStatus {
    return this.accrual.settledStatus(nowMs, EndpointStatus.open);
  }
}
