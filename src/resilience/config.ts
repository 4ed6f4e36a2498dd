// Configuration of timeouts, retry budgets and what counts as a failure (reference §6.1, §6.6, §6.7).
import { kindOf } from "../config/kinds.ts";
import { bool, int, number, object, unavailable } from "../config/schema.ts";

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

export const enforceDeadlines = bool({
  doc: "Whether the deadline a caller sends along (`l5d-ctx-deadline`) shortens the timeouts here. Either way it is passed on.",
  default: false,
  origin: "fairlead",
  refuse: {
    shown: "true",
    when: (on) => on,
    because: "is not available in this release: deadlines are passed on and nothing more, as in Linkerd 1.x",
    instead: "remove it, and set service.totalTimeoutMs",
  },
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

const noRetries =
  "retries are not performed in this release; requests that were not processed are still repeated (requeueBudget)";

export const retries = object(
  { doc: "Bounds and spaces the retries of requests that the classifier calls retryable.", accepted: noRetries },
  { budget: object({ doc: "Bounds the retries.", default: {} }, budgetKeys), backoff },
);

const failuresOnly = "its failures count as such, but are not retried in this release";

export const responseClassifier = kindOf(
  {
    doc: "Which answers are failures, for success rates, failure accrual and retries.",
    default: { kind: "io.l5d.http.nonRetryable5XX" },
  },
  {
    "io.l5d.http.nonRetryable5XX": object({ doc: "5xx and broken connections are failures; none is retryable." }, {}),
    "io.l5d.http.retryableRead5XX": object(
      { doc: "As above; GET, HEAD, OPTIONS and TRACE are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.http.retryableIdempotent5XX": object(
      { doc: "As above; also PUT and DELETE are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.http.retryableAll5XX": object(
      { doc: "As above; also POST and PATCH are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.http.allSuccessful": object({ doc: "Every answer is a success, 5xx included." }, {}),
  },
);

const byStatus = "use io.l5d.h2.nonRetryable5XX, which looks at the HTTP status alone";

/** As `responseClassifier`, for h2 routers. */
export const http2ResponseClassifier = kindOf(
  {
    doc: "Which answers are failures, for success rates, failure accrual and retries.",
    default: { kind: "io.l5d.h2.nonRetryable5XX" },
  },
  {
    "io.l5d.h2.nonRetryable5XX": object({ doc: "5xx and reset streams are failures; none is retryable." }, {}),
    "io.l5d.h2.retryableRead5XX": object(
      { doc: "As above; GET, HEAD, OPTIONS and TRACE are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.h2.retryableIdempotent5XX": object(
      { doc: "As above; also PUT and DELETE are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.h2.retryableAll5XX": object(
      { doc: "As above; also POST and PATCH are retryable.", accepted: failuresOnly },
      {},
    ),
    "io.l5d.h2.allSuccessful": object({ doc: "Every answer is a success, 5xx included." }, {}),
    "io.l5d.h2.grpc.default": unavailable("By gRPC status; 14 is retryable.", byStatus),
    "io.l5d.h2.grpc.compliant": unavailable("By gRPC status, as gRPC recommends.", byStatus),
    "io.l5d.h2.grpc.alwaysRetryable": unavailable("By gRPC status; every failure is retryable.", byStatus),
    "io.l5d.h2.grpc.neverRetryable": unavailable("By gRPC status; no failure is retryable.", byStatus),
    "io.l5d.h2.grpc.retryableStatusCodes": unavailable("By gRPC status; listed ones are retryable.", byStatus),
  },
);
