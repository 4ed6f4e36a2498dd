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
import { type HeaderField, Indexing, ownField } from "./codec/header-field.ts";

/** An answer of ours, ready to be sent. Names are in any case. */
export class OwnFields {
  readonly status: number;
  readonly fields: readonly OwnField[];
  readonly body: Buffer | null;
  #sent = 0;
  #block: readonly HeaderField[] | null = null;

  constructor(status: number, fields: readonly OwnField[], body: Buffer | null) {
    this.status = status;
    this.fields = fields;
    this.body = body;
  }

  /** All of them as fields that tables of connections may keep; null the first time, for most answers are sent only once. */
  get block(): readonly HeaderField[] | null {
    if (this.#block === null && this.#sent++ > 0) this.#block = blockOf(this);
    return this.#block;
  }
}

function blockOf({ fields, status }: OwnFields): readonly HeaderField[] {
  const all = [[":status", String(status)] as const, ...fields];
  return all.map(([name, value]) => ownField(name.toLowerCase(), value, Indexing.incremental));
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
  if (!form.grpc) return new OwnFields(status, fields, form.toHead || body === "" ? null : Buffer.from(body, "utf8"));
  const context = fields.filter(([name]) => !OF_THE_BODY.has(name));
  const trailers = failureTrailers(failure, form.clearContext);
  return new OwnFields(200, [["content-type", "application/grpc"], ...trailers, ...context], null);
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
