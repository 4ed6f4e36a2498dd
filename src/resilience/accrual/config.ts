// Configuration of failure accrual: when an endpoint counts as dead (reference §6.3).
import { kindOf } from "../../config/kinds.ts";
import { ineffective, int, object, unavailable } from "../../config/schema.ts";
import { backoff } from "../config.ts";

const useConsecutive = "use io.l5d.consecutiveFailures";

export const failureAccrual = kindOf(
  {
    doc: "When an endpoint counts as dead, and for how long. Without `backoff` the first time is 5 s, doubling with jitter up to 300 s.",
    default: { kind: "io.l5d.consecutiveFailures", failures: 5 },
  },
  {
    "io.l5d.consecutiveFailures": object(
      { doc: "Dead after so many failures in a row." },
      { failures: int({ doc: "How many failures.", required: true, min: 1, unit: "requests", example: 5 }), backoff },
    ),
    "io.l5d.successRate": unavailable("Dead when too few of the last requests succeeded.", useConsecutive),
    "io.l5d.successRateWindowed": unavailable(
      "Dead when too few requests of the last seconds succeeded.",
      useConsecutive,
    ),
    none: object({ doc: "Never dead." }, { backoff: ineffective(backoff, "has no effect: nothing is ever dead") }),
  },
);
