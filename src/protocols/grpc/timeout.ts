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

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

/** A `grpc-timeout` value such as `250m`, in milliseconds and fractions of them; null when it is malformed. */
export function readGrpcTimeout(text: string): number | null {
  const match = TIMEOUT.exec(text);
  return match === null ? null : Number(match[1]) * (UNIT_MS[match[2] as string] as number);
}
