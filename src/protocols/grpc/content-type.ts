// Which messages are gRPC's, by their content type (gRPC over HTTP/2: Requests).
import { Field } from "../http/field-names.ts";
import type { HttpMessage } from "../http/message.ts";

const TYPE = "application/grpc";

/** Is it the content type of gRPC, with or without a message format? gRPC-Web is another protocol. */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType === undefined || !isType(contentType)) return false;
  const next = contentType[TYPE.length];
  return next === undefined || next === "+" || next === ";" || next === " " || next === "\t";
}

// Media types have no case (RFC 9110 §8.3.1), but hardly anybody makes use of that.
function isType(contentType: string): boolean {
  return contentType.startsWith(TYPE) || contentType.slice(0, TYPE.length).toLowerCase() === TYPE;
}

/** Is this request a gRPC call? */
export function isGrpcMessage(message: HttpMessage): boolean {
  const field = message.find(Field.contentType);
  return field >= 0 && isGrpc(message.value(field));
}
