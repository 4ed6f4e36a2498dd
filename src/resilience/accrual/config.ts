// Configuration of failure accrual: when an endpoint counts as dead (reference §6.3).
import { kindOf } from "../../config/kinds.ts";
import { ineffective, int, number, object } from "../../config/schema.ts";
import { backoff } from "../config.ts";

const failuresDoc = "How many failures.";
const rateDoc = "The least share of successes; 0.8 is four in five. Recent requests weigh more.";
const windowDoc = "The window of the average.";

export const maxEjectionPercent = int({
  doc: "So many percent of the endpoints may be out of use at once, for failures or failed health checks; one may always be. Further ones stay in use.",
  default: 100,
  modernDefault: 50,
  max: 100,
  origin: "fairlead",
});

export const failureAccrual = kindOf(
  {
    open: "accrual",
    doc: "When an endpoint counts as dead, and for how long. Without `backoff` the first time is 5 s, doubling with jitter up to 300 s.",
    default: { kind: "io.l5d.consecutiveFailures", failures: 5 },
    modernDefault: { kind: "fairlead.successRateOrFailures" },
  },
  {
    "io.l5d.consecutiveFailures": object(
      { doc: "Dead after so many failures in a row." },
      { failures: int({ doc: failuresDoc, required: true, min: 1, unit: "requests", example: 5 }), backoff },
    ),
    "io.l5d.successRate": object(
      { doc: "Dead when too few of the last requests succeeded." },
      {
        successRate: number({ doc: rateDoc, required: true, max: 1, example: 0.8 }),
        requests: int({
          doc: "The window of the average. Before so many requests an endpoint is not dead.",
          required: true,
          min: 1,
          unit: "requests",
          example: 20,
        }),
        backoff,
      },
    ),
    "io.l5d.successRateWindowed": object(
      {
        doc: "Dead when too few requests of the last seconds succeeded. Not before a whole window has passed, nor with fewer than 5 requests in it.",
      },
      {
        successRate: number({ doc: rateDoc, required: true, max: 1, example: 0.8 }),
        window: int({ doc: windowDoc, required: true, min: 1, max: 86_400, unit: "s", example: 30 }),
        backoff,
      },
    ),
    "fairlead.successRateOrFailures": object(
      {
        doc: "Dead when io.l5d.successRateWindowed or io.l5d.consecutiveFailures says so; when both do, for the longer time.",
        origin: "fairlead",
      },
      {
        successRate: number({ doc: rateDoc, default: 0.8, max: 1 }),
        window: int({ doc: windowDoc, default: 30, min: 1, max: 86_400, unit: "s" }),
        failures: int({ doc: failuresDoc, default: 5, min: 1, unit: "requests" }),
        backoff,
      },
    ),
    none: object({ doc: "Never dead." }, { backoff: ineffective(backoff, "has no effect: nothing is ever dead") }),
  },
);
