import { expect, test } from "vitest";
import { PlainHttp2Request } from "../../../test/support/request-head.ts";
import { type Cause, causes } from "../../core/cause.ts";
import { type Classifier, Verdict } from "../../core/classifier.ts";
import { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { grpcClassifier, type GrpcClassifierSpec } from "./classifiers.ts";
import { GrpcStatus } from "./status.ts";

function classifier(kind: string, codes: Omit<GrpcClassifierSpec, "kind"> = {}): Classifier {
  const made = grpcClassifier({ kind: `io.l5d.h2.grpc.${kind}`, ...codes });
  if (made === null) throw new Error(`no kind ${kind}`);
  return made;
}

const ex = new Exchange();
ex.request = new PlainHttp2Request("POST", "/echo.Echo/Say", "web");
const told = (fields: readonly (readonly [string, string])[] = []) => new PlainHttp2Request("", "", "", fields);
const CODES = Array.from({ length: 17 }, (_, code) => code);
const { failure, retryable, success, undecided } = Verdict;

const retryableCodes: readonly (readonly [kind: string, codes: readonly number[]])[] = [
  ["default", [14]],
  ["compliant", [14]],
  ["alwaysRetryable", CODES.slice(1)],
  ["neverRetryable", []],
  ["retryableStatusCodes", [2, 8, 14]],
];
const LISTED = { retryableStatusCodes: [2, 8, 14] };

test.each(retryableCodes)("%s: status 0 is a success, of the others %j are retryable", (kind, codes) => {
  const made = classifier(kind, LISTED);
  expect(made).toMatchObject({ kind: `io.l5d.h2.grpc.${kind}`, late: true, retries: codes.length > 0 });
  for (const code of CODES) {
    const verdict = code === 0 ? success : codes.includes(code) ? retryable : failure;
    expect([code, made.answer(ex, 200, told(), code)]).toEqual([code, verdict]);
    expect([code, made.end(ex, code)]).toEqual([code, verdict]);
  }
});

test.each(retryableCodes)("%s: an answer that has not told its status is undecided until its end", (kind) => {
  expect(classifier(kind, LISTED).answer(ex, 200, told(), -1)).toBe(undecided);
});

test.each(retryableCodes)("%s: one that never tells it is UNKNOWN", (kind, codes) => {
  expect(classifier(kind, LISTED).end(ex, -1)).toBe(codes.includes(GrpcStatus.unknown) ? retryable : failure);
});

test.each(retryableCodes)("%s: statuses that gRPC does not know are failures", (kind) => {
  const verdict = kind === "alwaysRetryable" ? retryable : failure;
  for (const code of [17, 99, 1_000_000]) expect(classifier(kind, LISTED).end(ex, code)).toBe(verdict);
});

test.each(retryableCodes)(
  "%s: successStatusCodes take the place of 0, and win over what is retryable",
  (kind, codes) => {
    const made = classifier(kind, { ...LISTED, successStatusCodes: [5, 14] });
    expect([made.end(ex, 5), made.end(ex, 14)]).toEqual([success, success]);
    expect(made.end(ex, 0)).toBe(kind === "alwaysRetryable" ? retryable : failure);
    expect(made.end(ex, 8)).toBe(codes.includes(8) ? retryable : failure);
  },
);

test("the status counts for more than that of HTTP when an answer has both", () => {
  const made = classifier("default");
  expect([made.answer(ex, 503, told(), 0), made.answer(ex, 404, told(), 14)]).toEqual([success, retryable]);
});

test.each<readonly [kind: string, statuses: readonly number[]]>([
  ["default", []],
  ["compliant", [429, 502, 503, 504]],
  ["alwaysRetryable", [204, 301, 400, 401, 404, 429, 500, 502, 503, 504]],
  ["neverRetryable", []],
  ["retryableStatusCodes", []],
])("%s: of answers that are not gRPC's all fail, and %j are retryable", (kind, statuses) => {
  const made = classifier(kind, LISTED);
  for (const status of [204, 301, 400, 401, 404, 429, 500, 502, 503, 504]) {
    const verdict = statuses.includes(status) ? retryable : failure;
    expect([status, made.answer(ex, status, told(), -1)]).toEqual([status, verdict]);
    expect(made.answer(ex, status, told([["l5d-retryable", "true"]]), -1)).toBe(retryable);
  }
});

test.each<readonly [cause: Cause, code: number]>([
  [causes.connectRefused, 14],
  [causes.reset, 14],
  [causes.closedEarly, 14],
  [causes.answerTruncated, 14],
  [causes.attemptTimeout, 4],
  [causes.tryTimeout, 4],
])("a failure is judged by the status the caller would be told: $token", (cause, code) => {
  for (const [kind, codes] of retryableCodes) {
    const verdict = codes.includes(code) ? retryable : failure;
    expect([kind, classifier(kind, LISTED).failed(ex, new Failure(cause))]).toEqual([kind, verdict]);
  }
});

test.each<readonly [code: number, status: number]>([
  [0, 13],
  [2, 13],
  [7, 14],
  [8, 1],
  [11, 8],
  [12, 7],
])("a stream that was reset with code %d is judged as status %d", (code, status) => {
  const reset = new Failure(causes.h2Reset, undefined, { code });
  for (const [kind, codes] of retryableCodes) {
    const verdict = codes.includes(status) ? retryable : failure;
    expect([kind, classifier(kind, LISTED).failed(ex, reset)]).toEqual([kind, verdict]);
  }
});

test("a failure is never a success, whatever its status counts as", () => {
  const made = classifier("default", { successStatusCodes: [0, 4, 14] });
  for (const cause of Object.values(causes)) expect(made.failed(ex, new Failure(cause))).toBe(failure);
});

test("what no other attempt can mend is not retryable", () => {
  const made = classifier("alwaysRetryable");
  for (const cause of [causes.h2ClientReset, causes.clientGone, causes.bindNegative, causes.internal]) {
    expect([cause.token, made.failed(ex, new Failure(cause))]).toEqual([cause.token, failure]);
  }
});

test.each<readonly [value: string | undefined, ms: number]>([
  [undefined, 0],
  ["0", 0],
  ["1", 1],
  ["0250", 250],
  ["999999999", 999_999_999],
  ["1000000000", -1],
  ["-1", -1],
  ["-250", -1],
  ["+5", -1],
  ["1.5", -1],
  ["1e3", -1],
  ["0x10", -1],
  ["", -1],
  [" 5", -1],
  ["5 ms", -1],
  ["soon", -1],
])("push-back of %j is %d", (value, ms) => {
  const fields: [string, string][] = value === undefined ? [] : [["grpc-retry-pushback-ms", value]];
  for (const [kind] of retryableCodes) expect(classifier(kind, LISTED).pushbackMs(told(fields))).toBe(ms);
});

test("other kinds are none of these", () => {
  for (const kind of ["io.l5d.h2.nonRetryable5XX", "io.l5d.http.retryableRead5XX", "io.l5d.h2.grpc"]) {
    expect(grpcClassifier({ kind })).toBe(null);
  }
});
