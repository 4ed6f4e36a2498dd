// @hot What an HTTP/1 request says of itself without its fields being read as text: its method, and whether the connection shall stay.
import { Field } from "../http/field-names.ts";
import { ConnectionFlag, type HttpHead } from "../http/head.ts";

export function isHead(request: HttpHead): boolean {
  return request.methodEnd === 4 && request.method === "HEAD";
}

export function isConnect(request: HttpHead): boolean {
  return request.methodEnd === 7 && request.method === "CONNECT";
}

export function wantsKeepAlive(head: HttpHead): boolean {
  if ((head.connection & ConnectionFlag.close) !== 0) return false;
  if (head.minor === 1) return true;
  return (head.connection & ConnectionFlag.keepAlive) !== 0 || proxyKeepAlive(head);
}

function proxyKeepAlive(head: HttpHead): boolean {
  const field = head.find(Field.proxyConnection);
  return field >= 0 && head.value(field).toLowerCase() === "keep-alive";
}

// Of idempotent methods all but PUT and DELETE (RFC 9110 §9.2.1).
export function isSafe({ base, bytes }: HttpHead): boolean {
  return bytes[base] !== 80 && bytes[base] !== 68;
}

// RFC 9110 §9.2.2, by length first so that no string is made.
export function isIdempotent(head: HttpHead): boolean {
  const { bytes, base } = head;
  const first = bytes[base];
  switch (head.methodEnd) {
    case 3:
      return first === 71 || (first === 80 && bytes[base + 1] === 85); // GET, PUT
    case 4:
      return first === 72; // HEAD
    case 5:
      return first === 84; // TRACE
    case 6:
      return first === 68; // DELETE
    case 7:
      return first === 79; // OPTIONS
    default:
      return false;
  }
}
