// An endpoint as a client of the simulation knows it: the product's health and load, and the instance behind.
import { type BalancerNode, EndpointStatus, type LoadCell } from "../../src/core/picker.ts";
import type { Accrual } from "../../src/resilience/accrual/accrual.ts";
import type { Instance } from "./instance.ts";

export class SimulatedEndpoint implements BalancerNode {
  readonly key: string;
  weight = 1;
  readonly cell: LoadCell;
  readonly accrual: Accrual;
  readonly instance: Instance;

  constructor(instance: Instance, cell: LoadCell, accrual: Accrual) {
    this.key = instance.key;
    this.cell = cell;
    this.accrual = accrual;
    this.instance = instance;
  }

  status(nowMs: number): EndpointStatus {
    return this.accrual.status(nowMs, EndpointStatus.open);
  }
}
