// How a failure looks to a caller of HTTP/2: as to one of HTTP/1 (linkerd1 §2.1.7), and to a gRPC caller as a status in the only header
// block of the answer ("Trailers-Only"), or in the trailers of one that had begun.
import type { Failure } from "../../core/failure.ts";
import { encodeGrpcMessage } from "../grpc/message.ts";
import { grpcStatusOf } from "../grpc/status.ts";
import {
  failureFields,
  type FailureOptions,
  formFlags,
  type OwnField,
  remembered,
  type Remembered,
} from "../http/failure-answer.ts";

/** An answer of ours, ready to be sent. Names are in any case. */
export interface OwnFields {
  readonly status: number;
  readonly fields: readonly OwnField[];
  readonly body: Buffer | null;
}

/** How the answer to a failure is sent. */
export interface FailureForm extends FailureOptions {
  readonly grpc: boolean;
  readonly toHead: boolean;
}

/** The answer to a failure. */
export function failureHead(failure: Failure, form: FailureForm): OwnFields {
  const flags = formFlags(form) | (form.grpc ? 4 : 0) | (form.toHead ? 8 : 0);
  return remembered(failure, flags, heads, () => compose(failure, form));
}

const heads: Remembered<OwnFields> = new WeakMap();

function compose(failure: Failure, form: FailureForm): OwnFields {
  const { status, fields, body } = failureFields(failure, form);
  if (!form.grpc) return { status, fields, body: form.toHead || body === "" ? null : Buffer.from(body, "utf8") };
  const context = fields.filter(([name]) => !OF_THE_BODY.has(name));
  return {
    status: 200,
    fields: [["content-type", "application/grpc"], ...failureTrailers(failure, form.clearContext), ...context],
    body: null,
  };
}

const OF_THE_BODY = new Set(["Content-Type", "Content-Length", "fairlead-cause"]);

/** What ends an answer that broke off. */
export function failureTrailers(failure: Failure, clearContext: boolean): OwnField[] {
  const status = grpcStatusOf(failure);
  const fields: OwnField[] = [["grpc-status", String(status)]];
  if (clearContext) return fields;
  fields.push(["grpc-message", encodeGrpcMessage(failure.message)], ["fairlead-cause", failure.token()]);
  return fields;
}
