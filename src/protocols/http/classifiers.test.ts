import { describe, expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { type Cause, causes } from "../../core/cause.ts";
import { type Classifier, Verdict } from "../../core/classifier.ts";
import { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import type { HttpMessage } from "./message.ts";
import { isStreamed, mayPass, statusClassifier } from "./classifiers.ts";

const READS = ["GET", "HEAD", "OPTIONS", "TRACE"];
const IDEMPOTENT = [...READS, "PUT", "DELETE"];
const ALL = [...IDEMPOTENT, "POST", "PATCH"];
const OTHERS = ["CONNECT", "LOCK", "get", "PROPFIND"];
const RETRYABLE = {
  nonRetryable5XX: [],
  retryableRead5XX: READS,
  retryableIdempotent5XX: IDEMPOTENT,
  retryableAll5XX: ALL,
} as const;
type Kind = keyof typeof RETRYABLE;
const KINDS: readonly Kind[] = ["nonRetryable5XX", "retryableRead5XX", "retryableIdempotent5XX", "retryableAll5XX"];

function classifier(kind: string): Classifier {
  const made = statusClassifier(kind);
  if (made === null) throw new Error(`no kind ${kind}`);
  return made;
}

function exchangeOf(request: HttpMessage): Exchange {
  const ex = new Exchange();
  ex.request = request;
  return ex;
}

const asked = (method: string, fields = "") =>
  exchangeOf(requestHead(`${method} / HTTP/1.1\r\nHost: web\r\n${fields}\r\n`));
const asked2 = (method: string) => exchangeOf(new PlainHttp2Request(method, "/", "web"));
const told = (fields: readonly (readonly [string, string])[] = []) => new PlainHttp2Request("", "", "", fields);
const CHUNKED = "Transfer-Encoding: chunked\r\n";

describe.each(["http", "h2"])("io.l5d.%s", (protocol) => {
  test.each(KINDS)("%s: of 5xx those of its methods are retryable, other answers are successes", (kind) => {
    const made = classifier(`io.l5d.${protocol}.${kind}`);
    expect(made).toMatchObject({
      kind: `io.l5d.${protocol}.${kind}`,
      late: false,
      retries: kind !== "nonRetryable5XX",
    });
    for (const method of [...ALL, ...OTHERS]) {
      const again = (RETRYABLE[kind] as readonly string[]).includes(method);
      const bad = again ? Verdict.retryable : Verdict.failure;
      for (const ex of [asked(method), asked2(method)]) {
        for (const status of [200, 204, 301, 404, 429, 499]) {
          expect([method, status, made.answer(ex, status, told(), -1)]).toEqual([method, status, Verdict.success]);
        }
        for (const status of [500, 501, 502, 503, 504, 599, 600, 999]) {
          expect([method, status, made.answer(ex, status, told(), -1)]).toEqual([method, status, bad]);
        }
      }
    }
  });

  test.each(KINDS)("%s: l5d-retryable makes a failed answer retryable whatever the method, and no other", (kind) => {
    const made = classifier(`io.l5d.${protocol}.${kind}`);
    for (const method of [...ALL, ...OTHERS]) {
      const ex = asked2(method);
      expect(made.answer(ex, 502, told([["l5d-retryable", "true"]]), -1)).toBe(Verdict.retryable);
      expect(made.answer(ex, 200, told([["l5d-retryable", "true"]]), -1)).toBe(Verdict.success);
    }
    const plain = made.answer(asked("LOCK"), 502, told([["l5d-retryable", "false"]]), -1);
    expect(plain).toBe(Verdict.failure);
  });

  test.each(KINDS)("%s: a chunked request of HTTP/1 is never retryable", (kind) => {
    const made = classifier(`io.l5d.${protocol}.${kind}`);
    for (const method of ALL) {
      const ex = asked(method, CHUNKED);
      expect(made.answer(ex, 503, told(), -1)).toBe(Verdict.failure);
      expect(made.answer(ex, 503, told([["l5d-retryable", "true"]]), -1)).toBe(Verdict.failure);
      expect(made.answer(ex, 200, told(), -1)).toBe(Verdict.success);
      expect(made.failed(ex, new Failure(causes.attemptTimeout))).toBe(Verdict.failure);
    }
  });

  test("allSuccessful: every answer is a success, the want of one is a failure", () => {
    const made = classifier(`io.l5d.${protocol}.allSuccessful`);
    expect([made.late, made.retries]).toEqual([false, false]);
    for (const status of [200, 404, 500, 503]) {
      expect(made.answer(asked("GET"), status, told([["l5d-retryable", "true"]]), -1)).toBe(Verdict.success);
    }
    expect(made.failed(asked("GET"), new Failure(causes.reset))).toBe(Verdict.failure);
  });

  test("none is undecided, and none reads push-back", () => {
    for (const kind of [...KINDS, "allSuccessful"]) {
      const made = classifier(`io.l5d.${protocol}.${kind}`);
      expect(made.end(asked("GET"), 14)).toBe(Verdict.success);
      expect(made.pushbackMs(told([["grpc-retry-pushback-ms", "100"]]))).toBe(0);
    }
  });
});

test("there are no other kinds", () => {
  for (const kind of ["io.l5d.http.retryableWrite5XX", "io.l5d.h2.grpc.default", ""]) {
    expect([kind, statusClassifier(kind)]).toEqual([kind, null]);
  }
});

// "For matching methods, retryable also covers: attempt timeouts, write exceptions, channel closed, bad framing" (linkerd1 §6.7).
const AGAIN: readonly Cause[] = [
  causes.attemptTimeout,
  causes.tryTimeout,
  causes.connectRefused,
  causes.connectTimeout,
  causes.unsent,
  causes.stale,
  causes.closedEarly,
  causes.reset,
  causes.answerChunk,
  causes.answerTruncated,
  causes.answerHeadTimeout,
  causes.h2Reset,
  causes.h2Goaway,
];
const NEVER: readonly Cause[] = [
  causes.clientGone,
  causes.h2ClientReset,
  causes.deadlineExpired,
  causes.requestChunk,
  causes.requestBodyTimeout,
  causes.unidentified,
  causes.bindNegative,
  causes.concurrency,
  causes.adaptiveLimit,
  causes.nackAdmission,
  causes.drainLimit,
  causes.internal,
];

test.each(KINDS)("%s: failures that another attempt may mend are retryable for its methods", (kind) => {
  const made = classifier(`io.l5d.http.${kind}`);
  for (const method of [...ALL, ...OTHERS]) {
    const again = (RETRYABLE[kind] as readonly string[]).includes(method);
    for (const cause of AGAIN) {
      const verdict = made.failed(asked(method), new Failure(cause));
      expect([method, cause.token, verdict]).toEqual([
        method,
        cause.token,
        again ? Verdict.retryable : Verdict.failure,
      ]);
    }
    for (const cause of NEVER) {
      const verdict = made.failed(asked(method), new Failure(cause));
      expect([method, cause.token, verdict]).toEqual([method, cause.token, Verdict.failure]);
    }
  }
});

test("nothing that a caller did passes", () => {
  const passing = Object.values(causes).filter((cause) => cause.source === "downstream" && mayPass(new Failure(cause)));
  expect(passing).toEqual([]);
});

test("only chunked requests of HTTP/1 are of a length that nobody knows", () => {
  expect(isStreamed(asked("POST", CHUNKED))).toBe(true);
  expect(isStreamed(asked("POST", "Content-Length: 3\r\n"))).toBe(false);
  expect(isStreamed(asked("GET"))).toBe(false);
  expect(isStreamed(asked2("POST"))).toBe(false);
});
