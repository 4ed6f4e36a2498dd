// @hot The header names the proxy itself looks at, as small integers.

/** Ids of known header names; 0 is "some other name". */
export const Field = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  te: 7,
  trailer: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthenticate: 11,
  proxyAuthorization: 12,
  via: 13,
  forwarded: 14,
  maxForwards: 15,
  userAgent: 16,
  referer: 17,
  xForwardedClientCert: 18,
  l5dDtab: 19,
  l5dCtxDtab: 20,
  l5dCtxTrace: 21,
  l5dCtxDeadline: 22,
  l5dSample: 23,
  l5dReqid: 24,
  l5dDstService: 25,
  l5dDstClient: 26,
  l5dDstResidual: 27,
  l5dErr: 28,
  l5dSuccessClass: 29,
  l5dRetryable: 30,
  date: 31,
  server: 32,
  contentType: 33,
  fairleadCause: 34,
  retryableRequest: 35,
  baggage: 36,
  b3: 37,
  b3TraceId: 38,
  b3SpanId: 39,
  b3ParentSpanId: 40,
  b3Sampled: 41,
  b3Flags: 42,
} as const;

/** How many ids there are. */
export const FIELD_COUNT = 43;

const NAMES: Readonly<Record<keyof typeof Field, string>> = {
  other: "",
  host: "host",
  connection: "connection",
  contentLength: "content-length",
  transferEncoding: "transfer-encoding",
  expect: "expect",
  upgrade: "upgrade",
  te: "te",
  trailer: "trailer",
  keepAlive: "keep-alive",
  proxyConnection: "proxy-connection",
  proxyAuthenticate: "proxy-authenticate",
  proxyAuthorization: "proxy-authorization",
  via: "via",
  forwarded: "forwarded",
  maxForwards: "max-forwards",
  userAgent: "user-agent",
  referer: "referer",
  xForwardedClientCert: "x-forwarded-client-cert",
  l5dDtab: "l5d-dtab",
  l5dCtxDtab: "l5d-ctx-dtab",
  l5dCtxTrace: "l5d-ctx-trace",
  l5dCtxDeadline: "l5d-ctx-deadline",
  l5dSample: "l5d-sample",
  l5dReqid: "l5d-reqid",
  l5dDstService: "l5d-dst-service",
  l5dDstClient: "l5d-dst-client",
  l5dDstResidual: "l5d-dst-residual",
  l5dErr: "l5d-err",
  l5dSuccessClass: "l5d-success-class",
  l5dRetryable: "l5d-retryable",
  date: "date",
  server: "server",
  contentType: "content-type",
  fairleadCause: "fairlead-cause",
  retryableRequest: "finagle-http-retryable-request",
  baggage: "baggage",
  b3: "b3",
  b3TraceId: "x-b3-traceid",
  b3SpanId: "x-b3-spanid",
  b3ParentSpanId: "x-b3-parentspanid",
  b3Sampled: "x-b3-sampled",
  b3Flags: "x-b3-flags",
};

/** Lower-case spelling by id. */
export const FIELD_NAMES: readonly string[] = (Object.keys(Field) as (keyof typeof Field)[])
  .sort((a, b) => Field[a] - Field[b])
  .map((key) => NAMES[key]); // cold: once

// Open addressing, by the hash the parser computes while it reads the name anyway.
const SLOTS = 256;
const slotIds = new Uint8Array(SLOTS);
const slotHashes = new Int32Array(SLOTS);
const ID_BY_NAME = new Map<string, number>();

/** The hash step; `lower` is the byte in lower case. */
export function hashStep(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}

for (let id = 1; id < FIELD_COUNT; id++) {
  const name = FIELD_NAMES[id] as string;
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = hashStep(hash, name.charCodeAt(i));
  let slot = hash & (SLOTS - 1);
  while (slotIds[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
  slotIds[slot] = id;
  slotHashes[slot] = hash;
  ID_BY_NAME.set(name, id);
}

/** The id of the name whose hash is `hash` and whose bytes are `buffer[start, end)`. */
export function fieldId(buffer: Buffer, start: number, end: number, hash: number): number {
  let slot = hash & (SLOTS - 1);
  for (;;) {
    const id = slotIds[slot] as number;
    if (id === 0) return 0;
    if (slotHashes[slot] === hash && sameName(buffer, start, end, FIELD_NAMES[id] as string)) return id;
    slot = (slot + 1) & (SLOTS - 1);
  }
}

/** The id of a lower-case name. */
export function fieldIdOf(name: string): number {
  return ID_BY_NAME.get(name) ?? 0;
}

function sameName(buffer: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    // Every known name consists of letters, digits and `-`; setting bit 5 lowers letters and keeps the others.
    if (((buffer[start + i] as number) | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}
