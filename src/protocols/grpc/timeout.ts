// How long the caller of a gRPC call waits (gRPC over HTTP/2: Requests).

/** Milliseconds per unit of `grpc-timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1 / 1000,
  n: 1 / 1_000_000,
};

/** Longest value: eight digits and a unit. */
const MOST_CHARACTERS = 9;

/** A `grpc-timeout` value such as `250m`, in milliseconds and fractions of them; null when it is malformed. */
export function readGrpcTimeout(text: string): number | null {
  const digits = text.length - 1;
  const unitMs = UNIT_MS[text[digits] ?? ""];
  if (unitMs === undefined || digits < 1 || text.length > MOST_CHARACTERS) return null;
  let amount = 0;
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    amount = amount * 10 + digit;
  }
  return amount * unitMs;
}
