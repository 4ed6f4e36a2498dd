// Configuration of what keeps overload from spreading: limits, deadlines, backups and the number of retries.
import { kindOf } from "../config/kinds.ts";
import { int, number, object, word } from "../config/schema.ts";
import type { Check } from "../config/spec.ts";

interface Limits {
  readonly initialLimit: number;
  readonly minLimit: number;
  readonly maxLimit: number;
}

const inOrder: Check<Limits> = ({ initialLimit, minLimit, maxLimit }, report) => {
  if (minLimit === undefined || maxLimit === undefined || initialLimit === undefined) return;
  if (minLimit > maxLimit)
    report(["minLimit"], `minLimit ${minLimit} is larger than maxLimit ${maxLimit}`, `write at most ${maxLimit}`);
  else if (initialLimit < minLimit || initialLimit > maxLimit) {
    report(
      ["initialLimit"],
      `initialLimit ${initialLimit} is not between minLimit and maxLimit`,
      `write a number from ${minLimit} to ${maxLimit}`,
    );
  }
};

const initialLimit = int({ doc: "Where the limit begins.", unit: "requests", min: 1, default: 20 });
const maxLimit = int({ doc: "The limit never rises above this.", unit: "requests", min: 1, default: 1000 });

export const concurrencyLimit = kindOf(
  {
    doc: "How many requests may be in progress at a time, over all endpoints of a client; the limit follows the latency. What does not fit is refused at once with 503.",
    default: { kind: "none" },
    origin: "fairlead",
  },
  {
    none: object({ doc: "No limit." }, {}),
    "fairlead.gradient": object(
      {
        doc: "Falls as the mean latency rises above the long average of it, and leaves room for a queue of the limit's square root.",
        checks: [inOrder],
      },
      {
        initialLimit,
        minLimit: int({
          doc: "The limit never falls below this.",
          unit: "requests",
          min: 1,
          default: 4,
        }),
        maxLimit,
        tolerance: number({
          doc: "Latency may rise to so many times its long average before the limit falls.",
          min: 1,
          max: 10,
          default: 1.5,
        }),
        smoothing: number({
          doc: "How much of the way to a new estimate the limit goes at once; 1 is all of it.",
          min: 0.01,
          max: 1,
          default: 0.2,
        }),
        windowMs: int({
          doc: "Latency is averaged over at least so long, and over at least ten answers.",
          unit: "ms",
          min: 10,
          max: 10_000,
          default: 100,
        }),
      },
    ),
    "fairlead.aimd": object(
      {
        doc: "Grows by one per round trip while answers come in time; falls by a share when one is too slow.",
        checks: [inOrder],
      },
      {
        initialLimit,
        minLimit: int({ doc: "The limit never falls below this.", unit: "requests", min: 1, default: 1 }),
        maxLimit,
        latencyMs: int({
          doc: "An answer that takes longer is too slow.",
          unit: "ms",
          min: 1,
          required: true,
          example: 200,
        }),
        backoffRatio: number({
          doc: "What is left of the limit after it falls.",
          min: 0.5,
          max: 0.99,
          default: 0.9,
        }),
      },
    ),
  },
);

export const deadlines = word(
  {
    doc: "What becomes of requests that arrive after their deadline (`l5d-ctx-deadline`): `enforce` refuses them with 503, at most a fifth of all within ten seconds; `report` only counts them; `off` does not look.",
    default: "report",
    modernDefault: "enforce",
    origin: "fairlead",
  },
  ["enforce", "report", "off"],
);

export const hedge = object(
  {
    doc: "Sends a second attempt to another endpoint when the first takes longer than nearly all others did; the first good answer wins.",
    origin: "fairlead",
  },
  {
    maxExtraLoad: number({
      doc: "At most so many second attempts per request: at 0.01 the slowest hundredth gets one.",
      max: 0.99,
      default: 0.01,
    }),
    minDelayMs: int({
      doc: "No second attempt before this, however fast the service is.",
      unit: "ms",
      min: 1,
      max: 1999,
      default: 1,
    }),
    methods: word(
      {
        doc: "Which requests may be sent twice: `safe` ones (GET, HEAD, OPTIONS, TRACE), all `idempotent` ones (PUT and DELETE, too), or `all`, where the service is known to take that well, as gRPC services do that only read.",
        default: "idempotent",
      },
      ["idempotent", "safe", "all"],
    ),
  },
);

export const maxRetries = int({
  doc: "One request is retried no more often than this, whatever the budget allows.",
  defaultDoc: "no limit",
  example: 2,
  origin: "fairlead",
});
