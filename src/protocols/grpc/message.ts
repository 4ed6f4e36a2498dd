// The value of `grpc-message`: UTF-8 with percent-encoding (gRPC over HTTP/2: Status-Message).

/** Outside of the characters that stand for themselves: 0x20–0x7E but `%`. */
const ENCODED = /[^ -$&-~]/;

const PERCENT = 37;
const FIRST_PLAIN = 0x20;
const LAST_PLAIN = 0x7e;

/** Text as a header value. */
export function encodeGrpcMessage(message: string): string {
  if (!ENCODED.test(message)) return message;
  let value = "";
  for (const byte of Buffer.from(message, "utf8")) {
    const plain = byte >= FIRST_PLAIN && byte <= LAST_PLAIN && byte !== PERCENT;
    value += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return value;
}

const ESCAPE = /%([0-9A-Fa-f]{2})/g;

/**
 * A header value, one character per byte, as text. Never fails, as the specification asks: an escape that is none stays as it is, and
 * bytes that are no UTF-8 become U+FFFD.
 */
export function decodeGrpcMessage(value: string): string {
  if (!ENCODED.test(value)) return value;
  const bytes = value.replace(ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
