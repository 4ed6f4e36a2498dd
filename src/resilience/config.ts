// Configuration of timeouts, retry budgets and what counts as a failure (reference §6.1, §6.6, §6.7).
import { kindOf } from "../config/kinds.ts";
import { bool, int, list, number, object } from "../config/schema.ts";

export const totalTimeoutMs = int({
  doc: "Answers 503 when a request, all its attempts included, takes longer.",
  unit: "ms",
  min: 1,
  defaultDoc: "no limit",
  example: 5000,
});

export const requestAttemptTimeoutMs = int({
  doc: "Gives up one attempt after this long, waiting for a connection included.",
  unit: "ms",
  min: 1,
  defaultDoc: "no limit",
  example: 1000,
});

export const failFast = bool({
  doc: "Takes an endpoint out after one failed connection attempt, and connects again in the background after 1 s, later up to 32 s. Requests that would need a new connection to it meanwhile fail at once, and are sent to another. Not for an endpoint that is the only one.",
  default: false,
});

export const slowStartMs = int({
  doc: "An endpoint that was out, or that discovery adds to others, gets a tenth of its share of the requests at first, and all of it after this long. 0 = all at once.",
  unit: "ms",
  default: 0,
  modernDefault: 10_000,
  origin: "fairlead",
});

/** Waiting times: of dead endpoints, and between retries. */
export const backoff = kindOf(
  { doc: "How long to wait, and how the wait grows." },
  {
    constant: object({ doc: "Always the same." }, { ms: int({ doc: "The wait.", unit: "ms", default: 0 }) }),
    jittered: object(
      {
        doc: "Grows by chance, up to three times the previous wait each time.",
        checks: [
          ({ minMs, maxMs }, report) => {
            if (minMs === undefined || maxMs === undefined || minMs <= maxMs) return;
            report(["minMs"], `minMs ${minMs} is larger than maxMs ${maxMs}`, `write at most ${maxMs}`);
          },
        ],
      },
      {
        minMs: int({ doc: "The first and shortest wait.", unit: "ms", min: 1, required: true, example: 1000 }),
        maxMs: int({ doc: "The longest wait.", unit: "ms", min: 1, required: true, example: 10_000 }),
      },
    ),
  },
);

const budgetKeys = {
  minRetriesPerSec: int({ doc: "So many per second are always allowed.", default: 10 }),
  percentCanRetry: number({
    doc: "And this share of the recent requests; 0.2 is one in five.",
    default: 0.2,
    max: 1000,
  }),
  ttlSecs: int({ doc: "How long a request counts as recent.", unit: "s", min: 1, max: 60, default: 10 }),
};

export const requeueBudget = object(
  {
    doc: "Bounds the immediate repetition of requests that were not processed, or that lost a kept connection and do no harm twice.",
    default: {},
  },
  budgetKeys,
);

/** How often and how fast requests are sent again. */
export const retryKeys = {
  budget: object({ doc: "Bounds the retries.", default: {} }, budgetKeys),
  backoff,
  maxRetries: int({
    doc: "So often one request is sent again at most.",
    min: 0,
    defaultDoc: "no limit but the budget",
    example: 3,
    origin: "fairlead",
  }),
  perTryTimeoutMs: int({
    doc: "Gives up one try whose answer does not begin within this time, so that another can follow.",
    unit: "ms",
    min: 1,
    defaultDoc: "no limit",
    example: 250,
    origin: "fairlead",
  }),
};

export const retries = object(
  {
    doc: "Sends requests again whose answer, or want of an answer, the classifier calls a retryable failure.",
    default: {},
  },
  retryKeys,
);

/** Kinds that look at the status of HTTP alone, for either version. */
const byStatus = {
  nonRetryable5XX: object({ doc: "5xx and broken connections are failures; none is retryable." }, {}),
  retryableRead5XX: object({ doc: "As above; GET, HEAD, OPTIONS and TRACE are retryable." }, {}),
  retryableIdempotent5XX: object({ doc: "As above; also PUT and DELETE are retryable." }, {}),
  retryableAll5XX: object({ doc: "As above; also POST and PATCH are retryable." }, {}),
  allSuccessful: object({ doc: "Every answer is a success, 5xx included." }, {}),
};

export const responseClassifier = kindOf(
  {
    doc: "Which answers are failures, for success rates, failure accrual and retries.",
    default: { kind: "io.l5d.http.nonRetryable5XX" },
  },
  {
    "io.l5d.http.nonRetryable5XX": byStatus.nonRetryable5XX,
    "io.l5d.http.retryableRead5XX": byStatus.retryableRead5XX,
    "io.l5d.http.retryableIdempotent5XX": byStatus.retryableIdempotent5XX,
    "io.l5d.http.retryableAll5XX": byStatus.retryableAll5XX,
    "io.l5d.http.allSuccessful": byStatus.allSuccessful,
  },
);

const statusCode = int({ doc: "A status of gRPC.", min: 0, max: 16 });
const successStatusCodes = list(
  { doc: "Statuses that count as successes; a list replaces the default.", default: [0] },
  statusCode,
);

/** As `responseClassifier`, for h2 routers. */
export const http2ResponseClassifier = kindOf(
  {
    doc: "Which answers are failures, for success rates, failure accrual and retries.",
    default: { kind: "io.l5d.h2.nonRetryable5XX" },
  },
  {
    "io.l5d.h2.nonRetryable5XX": byStatus.nonRetryable5XX,
    "io.l5d.h2.retryableRead5XX": byStatus.retryableRead5XX,
    "io.l5d.h2.retryableIdempotent5XX": byStatus.retryableIdempotent5XX,
    "io.l5d.h2.retryableAll5XX": byStatus.retryableAll5XX,
    "io.l5d.h2.allSuccessful": byStatus.allSuccessful,
    "io.l5d.h2.grpc.default": object(
      { doc: "By gRPC status: 0 is a success, 14 (UNAVAILABLE) a failure that is retryable." },
      { successStatusCodes },
    ),
    "io.l5d.h2.grpc.compliant": object(
      {
        doc: "By gRPC status, as gRPC itself recommends: 14 (UNAVAILABLE) is retryable, and so are refused streams and the HTTP statuses 429, 502, 503 and 504.",
        differs:
          "In Linkerd 1.x a fault of its wiring makes it behave as io.l5d.h2.grpc.default; here it does what it says.",
      },
      { successStatusCodes },
    ),
    "io.l5d.h2.grpc.alwaysRetryable": object(
      { doc: "By gRPC status; every failure is retryable." },
      { successStatusCodes },
    ),
    "io.l5d.h2.grpc.neverRetryable": object(
      { doc: "By gRPC status; no failure is retryable." },
      { successStatusCodes },
    ),
    "io.l5d.h2.grpc.retryableStatusCodes": object(
      { doc: "By gRPC status; the listed ones are retryable." },
      {
        successStatusCodes,
        retryableStatusCodes: list({ doc: "Statuses that are retryable.", required: true }, statusCode),
      },
    ),
  },
);
