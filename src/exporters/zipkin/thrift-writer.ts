// Thrift's binary protocol, as far as Scribe needs it: fields of structs, and a call in a frame.

/** Types of fields and of elements. */
const Type = { stop: 0, bool: 2, int16: 6, int32: 8, int64: 10, bytes: 11, struct: 12, list: 15 } as const;
type Type = (typeof Type)[keyof typeof Type];

/** Writes structs; whoever begins one ends it with `stop`. */
export class ThriftWriter {
  #parts: Buffer[] = [];

  bool(field: number, value: boolean): void {
    this.#begin(Type.bool, field);
    this.#parts.push(Buffer.of(value ? 1 : 0));
  }

  int16(field: number, value: number): void {
    this.#begin(Type.int16, field);
    const part = Buffer.alloc(2);
    part.writeUInt16BE(value & 0xffff);
    this.#parts.push(part);
  }

  int32(field: number, value: number): void {
    this.#begin(Type.int32, field);
    this.#int32(value);
  }

  /** Whole numbers up to 2^53. */
  int64(field: number, value: number): void {
    this.#begin(Type.int64, field);
    const part = Buffer.alloc(8);
    part.writeBigInt64BE(BigInt(value));
    this.#parts.push(part);
  }

  /** 64 bits, written as 16 hexadecimal digits. */
  id(field: number, hex: string): void {
    this.#begin(Type.int64, field);
    this.#parts.push(Buffer.from(hex.padStart(16, "0"), "hex"));
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value, "utf8"));
  }

  bytes(field: number, value: Buffer): void {
    this.#begin(Type.bytes, field);
    this.#int32(value.length);
    this.#parts.push(value);
  }

  struct(field: number, write: () => void): void {
    this.#begin(Type.struct, field);
    write();
  }

  /** A list of structs. */
  list(field: number, writes: readonly (() => void)[]): void {
    this.#begin(Type.list, field);
    this.#parts.push(Buffer.of(Type.struct));
    this.#int32(writes.length);
    for (const write of writes) write();
  }

  /** The end of a struct. */
  stop(): void {
    this.#parts.push(Buffer.of(Type.stop));
  }

  /** What was written, which is then gone. */
  take(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [];
    return all;
  }

  #begin(type: Type, field: number): void {
    this.#parts.push(Buffer.of(type, field >> 8, field & 0xff));
  }

  #int32(value: number): void {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value | 0);
    this.#parts.push(part);
  }
}

const CALL = Buffer.of(0x80, 1, 0, 1);
const REPLY = 2;

/** A call in its frame: four bytes of length, then version and kind, name, number, arguments. */
export function thriftCall(name: string, args: Buffer): Buffer {
  const length = Buffer.alloc(4);
  const nameLength = Buffer.alloc(4);
  nameLength.writeInt32BE(name.length);
  const message = Buffer.concat([CALL, nameLength, Buffer.from(name, "latin1"), Buffer.alloc(4), args]);
  length.writeInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** The first field of a reply without its frame, where that is a 32-bit number; null for anything else, an exception among it. */
export function int32Reply(message: Buffer): number | null {
  if (message.length < 8 || message.readUInt16BE(0) !== 0x8001 || message[3] !== REPLY) return null;
  const at = 8 + message.readInt32BE(4) + 4;
  if (at < 12 || message.length < at + 7) return null;
  return message[at] === Type.int32 && message.readInt16BE(at + 1) === 0 ? message.readInt32BE(at + 3) : null;
}
