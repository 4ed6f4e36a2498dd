// One stream of a scripted HTTP/2 endpoint: what has come on it, and what is sent on it no faster than its windows allow.
import type { H2Endpoint } from "./h2-endpoint.ts";
import { type BlockForm, dataFrame, type FieldPairs, headerFrames, resetFrame, windowFrame } from "./h2-frames.ts";
import { valueOf } from "./http-text.ts";

const FRAME_BYTES = 16_384;
const MOST_TOLD = 1000;

/** How a body ends. */
export interface BodyEnd {
  /** False: more is to follow. */
  readonly end?: boolean;
  readonly trailers?: FieldPairs;
}

/** One stream; what came is as it came. */
export class H2Stream {
  readonly connection: H2Endpoint;
  readonly id: number;
  /** The final head, or the request's. */
  head: FieldPairs | null = null;
  readonly interim: FieldPairs[] = [];
  trailers: FieldPairs | null = null;
  bodyBytes = 0;
  /** The other side has said all. */
  ended = false;
  /** The code with which the other side reset it. */
  reset: number | null = null;
  /** We have reset it. */
  resetSent = false;
  /** Frames that came on it after we had reset it. */
  lateFrames = 0;
  /** Octets we may send, and the other side may. */
  sendWindow: number;
  receiveWindow: number;
  readonly #body: string[] = [];
  #waiting: Buffer = Buffer.alloc(0);
  #end: BodyEnd | null = null;

  constructor(connection: H2Endpoint, id: number, sendWindow: number, receiveWindow: number) {
    this.connection = connection;
    this.id = id;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  get body(): string {
    return this.#body.join("");
  }

  /** Nothing more will come. */
  get done(): boolean {
    return this.ended || this.reset !== null;
  }

  /** The answer's status; 0 before there is one. */
  get status(): number {
    return Number(this.value(":status") ?? 0);
  }

  get path(): string {
    return this.value(":path") ?? "";
  }

  /** A field of the head. */
  value(name: string): string | undefined {
    return this.head === null ? undefined : valueOf({ fields: this.head }, name);
  }

  /** A field of the trailers. */
  trailer(name: string): string | undefined {
    return this.trailers === null ? undefined : valueOf({ fields: this.trailers }, name);
  }

  /** The cause that a generated answer names, without its details. */
  get cause(): string {
    return (this.value("fairlead-cause") ?? this.trailer("fairlead-cause") ?? "").split(";")[0] as string;
  }

  /** Bytes that wait for a window. */
  get waiting(): number {
    return this.#waiting.length;
  }

  took(content: Buffer): void {
    this.bodyBytes += content.length;
    this.#body.push(content.toString("latin1"));
  }

  sendHead(fields: FieldPairs, form: BlockForm = {}): void {
    this.connection.send(headerFrames(this.id, this.connection.block(fields), form));
  }

  /** Sends a part of the body, or the last of it, as the windows allow. */
  write(body: string | Buffer, { end = false, trailers }: BodyEnd = {}): void {
    this.#waiting = Buffer.concat([this.#waiting, typeof body === "string" ? Buffer.from(body, "latin1") : body]);
    if (end || trailers !== undefined) this.#end = { ...(trailers === undefined ? {} : { trailers }), end };
    this.pump();
  }

  pump(): void {
    const { connection } = this;
    while (this.#waiting.length > 0) {
      const bytes = Math.min(this.#waiting.length, this.sendWindow, connection.sendWindow, FRAME_BYTES);
      if (bytes <= 0) return;
      const last = bytes === this.#waiting.length && this.#end !== null && this.#end.trailers === undefined;
      this.data(this.#waiting.subarray(0, bytes), last);
      this.#waiting = this.#waiting.subarray(bytes);
      if (last) this.#end = null;
    }
    const end = this.#end;
    this.#end = null;
    if (end?.trailers !== undefined) this.sendHead(end.trailers, { end: true });
    else if (end !== null) this.data(Buffer.alloc(0), true);
  }

  /** Sends one DATA frame whatever the windows say. */
  data(data: Buffer | string, end = false, padding = -1): void {
    const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    const octets = bytes.length + (padding < 0 ? 0 : padding + 1);
    this.sendWindow -= octets;
    this.connection.sendWindow -= octets;
    this.connection.send(dataFrame(this.id, bytes, end, padding));
  }

  sendReset(code: number): void {
    this.resetSent = true;
    this.#waiting = Buffer.alloc(0);
    this.#end = null;
    this.connection.send(resetFrame(this.id, code));
  }

  /** Lets the other side send so much more on this stream. */
  grant(bytes: number): void {
    this.receiveWindow += bytes;
    this.connection.send(windowFrame(this.id, bytes));
  }

  /** As a service: a whole answer. */
  reply(status: number, body: string | Buffer = "", fields: FieldPairs = [], trailers?: FieldPairs): void {
    const empty = body.length === 0 && trailers === undefined;
    this.sendHead([[":status", String(status)], ...fields], { end: empty });
    if (!empty) this.write(body, trailers === undefined ? { end: true } : { trailers });
  }

  /** For messages of failed tests. */
  get state(): string {
    const { bodyBytes, ended, reset, trailers } = this;
    return JSON.stringify({ id: this.id, head: this.head, bodyBytes, trailers, ended, reset }).slice(0, MOST_TOLD);
  }
}
