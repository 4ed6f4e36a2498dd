// The proxy's own answers as HTTP/1 text: failures, and answers that consist of their status.
import type { Failure } from "../../core/failure.ts";
import type { Outcome } from "../../core/outcome.ts";
import {
  cannedFields,
  failureFields,
  type FailureOptions,
  formFlags,
  type OwnAnswer,
  remembered,
  type Remembered,
} from "../http/failure-answer.ts";
import { reasonFor } from "../http/reasons.ts";

/** What becomes of the connection after an answer. */
export interface ConnectionForm {
  /** It closes. */
  readonly close: boolean;
  /** An HTTP/1.0 caller asked to keep it. */
  readonly keepAlive10: boolean;
}

/** How the answer to a failure is sent. */
export interface FailureForm extends FailureOptions, ConnectionForm {
  readonly toHead: boolean;
}

/** The whole answer, head and body. All characters are below 256. */
export function failureAnswer(failure: Failure, form: FailureForm): string {
  return remembered(failure, flags(form), answers, () => compose(failure, form));
}

const answers: Remembered<string> = new WeakMap();

function flags(form: FailureForm): number {
  return formFlags(form) | (form.toHead ? 4 : 0) | (form.close ? 8 : 0) | (form.keepAlive10 ? 16 : 0);
}

function compose(failure: Failure, form: FailureForm): string {
  const answer = failureFields(failure, form);
  const head = headText(answer, form);
  return form.toHead ? head : head + Buffer.from(answer.body, "utf8").toString("latin1");
}

/** How an answer that consists of its status is sent. */
export interface CannedForm extends ConnectionForm {
  /** Edge mode: nothing about the inside is told. */
  readonly clearContext: boolean;
}

/** An answer that consists of its status (`/$/io.buoyant.http.status/…`). */
export function cannedAnswer(status: number, outcome: Outcome, form: CannedForm): string {
  return headText(cannedFields(status, outcome, form.clearContext), form);
}

function headText({ status, fields }: OwnAnswer, { close, keepAlive10 }: ConnectionForm): string {
  let head = `HTTP/1.1 ${status} ${reasonFor(status)}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  head += "Via: 1.1 fairlead\r\n";
  if (close) head += "Connection: close\r\n";
  else if (keepAlive10) head += "Connection: keep-alive\r\n";
  return `${head}\r\n`;
}
