// A request: an array of bulk strings, `*2\r\n$3\r\nGET\r\n$4\r\nname\r\n`, read from bytes that arrive in any pieces.
import type { MessageHead } from "fairlead/plugin";
import type { CommandSpec } from "./commands.ts";

const CR = 13;
const LF = 10;
const ARRAY = 42;
const BULK = 36;
/** Digits of a length, the sign not among them. */
const MAX_DIGITS = 10;

/** A command with its arguments, as it was received: it is passed on as it is. */
export class Command implements MessageHead {
  readonly bytes: Buffer;
  /** The first argument, in lower case. */
  readonly name: string;
  readonly args: readonly string[];
  /** Set when it is known where its keys are. */
  spec: CommandSpec | null = null;
  /** The database that the connection has selected. */
  database = 0;

  constructor(bytes: Buffer, args: readonly string[]) {
    this.bytes = bytes;
    this.args = args;
    this.name = (args[0] ?? "").toLowerCase();
  }

  /** Its keys; none of a command without. */
  keys(): readonly string[] {
    const { args, spec } = this;
    if (spec === null || spec.first === 0) return [];
    const last = spec.last < 0 ? args.length + spec.last : spec.last;
    const keys: string[] = [];
    for (let i = spec.first; i <= last && i < args.length; i += spec.step) keys.push(args[i] ?? "");
    return keys;
  }

  get(name: string): string | undefined {
    if (name === "command") return this.name;
    if (name === "key") return this.keys()[0];
    return name === "database" ? String(this.database) : undefined;
  }

  each(visit: (name: string, value: string) => void): void {
    visit("command", this.name);
    for (const key of this.keys()) visit("key", key);
    visit("database", String(this.database));
  }

  kept(): MessageHead {
    return this; // its bytes are its own
  }
}

/** Bounds of a command. */
export interface CommandLimits {
  readonly maxBytes: number;
  readonly maxArguments: number;
}

/** What is wrong with the bytes; nothing after them can be read. */
export class Malformed {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** Reads commands one after the other. */
export class CommandReader {
  readonly #limits: CommandLimits;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the command begins, and how far it has been read. */
  #start = 0;
  #at = 0;
  /** Arguments to come; -1 before their number was read. */
  #left = -1;
  #args: string[] = [];

  constructor(limits: CommandLimits) {
    this.#limits = limits;
  }

  /** Bytes that have been read and belong to no command yet. */
  get waiting(): number {
    return this.#bytes.length - this.#start;
  }

  push(buffer: Buffer, start: number, end: number): void {
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#start), buffer.subarray(start, end)]);
    this.#at -= this.#start;
    this.#start = 0;
  }

  /** The next command; null when not all of it is here. */
  next(): Command | Malformed | null {
    while (this.#left !== 0) {
      const step = this.#left < 0 ? this.#readCount() : this.#readArgument();
      if (step !== true) return step;
    }
    const bytes = Buffer.from(this.#bytes.subarray(this.#start, this.#at));
    const command = new Command(bytes, this.#args);
    this.#args = [];
    this.#left = -1;
    this.#start = this.#at;
    return command;
  }

  #readCount(): true | Malformed | null {
    this.#skipEmptyLines();
    const line = this.#readLength(ARRAY);
    if (line === null || line instanceof Malformed) return line;
    if (line.length < 1 || line.length > this.#limits.maxArguments) return new Malformed("invalid multibulk length");
    this.#left = line.length;
    this.#at = line.end;
    return true;
  }

  // As Redis does; its own client puts some around what it sends in bulk.
  #skipEmptyLines(): void {
    const bytes = this.#bytes;
    while (bytes[this.#at] === CR && bytes[this.#at + 1] === LF) this.#at += 2;
    this.#start = this.#at;
  }

  #readArgument(): true | Malformed | null {
    const line = this.#readLength(BULK);
    if (line === null || line instanceof Malformed) return line;
    const { end, length } = line;
    if (length < 0) return new Malformed("invalid bulk length");
    // Before it has arrived, so that nobody has us collect what is refused in the end.
    if (end + length + 2 - this.#start > this.#limits.maxBytes) return new Malformed("the command is too long");
    if (this.#bytes.length < end + length + 2) return null;
    if (this.#bytes[end + length] !== CR || this.#bytes[end + length + 1] !== LF)
      return new Malformed("a bulk string does not end in CRLF");
    this.#args.push(this.#bytes.toString("latin1", end, end + length));
    this.#at = end + length + 2;
    this.#left--;
    return true;
  }

  #readLength(type: number): { readonly length: number; readonly end: number } | Malformed | null {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at >= bytes.length) return null;
    if (bytes[at] !== type)
      return new Malformed(`expected '${String.fromCharCode(type)}', got '${printable(bytes[at] ?? 0)}'`);
    const end = bytes.indexOf(LF, at);
    if (end < 0) return bytes.length - at > MAX_DIGITS + 4 ? new Malformed("a length is too long") : null;
    const length = lengthIn(bytes, at + 1, end);
    return length === null ? new Malformed("invalid length") : { length, end: end + 1 };
  }
}

/** A number in a line that ends in CRLF; null when there is none. @param lf where the line ends. */
export function lengthIn(bytes: Buffer, start: number, lf: number): number | null {
  if (bytes[lf - 1] !== CR || lf - 1 - start > MAX_DIGITS + 1) return null;
  const text = bytes.toString("latin1", start, lf - 1);
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

function printable(byte: number): string {
  return byte > 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
}
