// `kind: fairlead.grpc`: grpc.health.v1.Health/Check over HTTP/2 with prior knowledge. Only a service that is well sends a message that
// says SERVING, so the headers of the answer need not be read, and with them no HPACK.
import type { Judge, Question } from "./question.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES = 9;
const Type = { data: 0, headers: 1, reset: 3, settings: 4 } as const;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PADDED = 0x8;
const STREAM = 1;
/** A flag and the length. */
const MESSAGE_HEAD_BYTES = 5;
/** What stands before the answer and in it is far shorter. */
const MOST_BYTES = 64 * 1024;

/** `HealthCheckResponse.ServingStatus`. */
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING = 1;

/** @param service the name that is asked about; empty for the server as a whole. */
export function grpcQuestion(service: string, authority: string, timeoutMs: number): Question {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), integer(name.length), name]);
  const head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  const fields = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", "/grpc.health.v1.Health/Check"],
    [":authority", authority],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ["grpc-timeout", `${timeoutMs}m`],
    ["user-agent", "fairlead-health-check"],
  ] as const;
  const block = Buffer.concat(fields.flatMap(([key, value]) => [Buffer.from([0]), literal(key), literal(value)]));
  const bytes = Buffer.concat([
    Buffer.from(PREFACE, "latin1"),
    frame(Type.settings, 0, 0, Buffer.alloc(0)),
    frame(Type.headers, END_HEADERS, STREAM, block),
    frame(Type.data, END_STREAM, STREAM, Buffer.concat([head, message])),
  ]);
  return { bytes, judge: () => new ServingJudge() };
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

// A string of HPACK, as it is (RFC 7541 §5.2).
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(bytes.length), bytes]);
}

// With a prefix of seven bits (RFC 7541 §5.1).
function hpackInteger(value: number): Buffer {
  return value < 127 ? Buffer.from([value]) : Buffer.concat([Buffer.from([127]), integer(value - 127)]);
}

/** Groups of seven bits, the lowest first; the same in HPACK and protobuf. */
function integer(value: number): Buffer {
  const groups = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) groups.push((rest & 0x7f) | 0x80);
  return Buffer.from([...groups, rest]);
}

class ServingJudge implements Judge {
  #pending = Buffer.alloc(0);
  #message = Buffer.alloc(0);
  #greeted = false;
  #bytes = 0;

  read(chunk: Buffer): string | null | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > MOST_BYTES) return "its answer is too long";
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= FRAME_HEAD_BYTES) {
      const length = this.#pending.readUIntBE(0, 3);
      const [type, flags] = [this.#pending.readUInt8(3), this.#pending.readUInt8(4)];
      const stream = this.#pending.readUInt32BE(5) & 0x7fff_ffff;
      if (!this.#greeted && type !== Type.settings) return "it does not speak HTTP/2";
      this.#greeted = true;
      if (this.#pending.length < FRAME_HEAD_BYTES + length) return undefined;
      const payload = this.#pending.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length);
      this.#pending = this.#pending.subarray(FRAME_HEAD_BYTES + length);
      const verdict = stream === STREAM ? this.#frame(type, flags, payload) : undefined;
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  #frame(type: number, flags: number, payload: Buffer): string | null | undefined {
    if (type === Type.reset) return "it reset the call";
    if (type !== Type.data && type !== Type.headers) return undefined;
    if (type === Type.data) {
      const padding = (flags & PADDED) === 0 ? 0 : (payload[0] ?? 0);
      const data = (flags & PADDED) === 0 ? payload : payload.subarray(1, Math.max(1, payload.length - padding));
      this.#message = Buffer.concat([this.#message, data]);
    }
    const verdict = this.#verdict();
    if (verdict !== undefined) return verdict;
    return (flags & END_STREAM) === 0 ? undefined : "it ended the call without an answer";
  }

  #verdict(): string | null | undefined {
    if (this.#message.length < MESSAGE_HEAD_BYTES) return undefined;
    const end = MESSAGE_HEAD_BYTES + this.#message.readUInt32BE(1);
    if (this.#message.length < end) return undefined;
    const [tag, status] = this.#message.subarray(MESSAGE_HEAD_BYTES, end);
    const said = tag === 0x08 && status !== undefined ? status : 0; // a zero is left out
    return said === SERVING ? null : `it says ${STATUSES[said] ?? `status ${said}`}`;
  }
}
