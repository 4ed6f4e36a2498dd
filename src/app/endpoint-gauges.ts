// How many endpoints of a client are in which health, computed when read.
import type { Clock } from "../base/clock.ts";
import type { Health } from "../resilience/accrual/accrual.ts";
import type { Scope } from "../telemetry/registry.ts";

const HEALTHS: readonly Health[] = ["alive", "dead", "probing"];

interface Judged {
  readonly accrual: { health(nowMs: number): Health };
}

export function endpointGauges(scope: Scope, client: { readonly endpoints: readonly Judged[] }, clock: Clock): void {
  for (const health of HEALTHS) {
    scope.gauge(
      health,
      () => client.endpoints.filter(({ accrual }) => accrual.health(clock.nowMs()) === health).length,
    );
  }
}
