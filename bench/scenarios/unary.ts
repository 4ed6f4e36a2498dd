// Unary gRPC over node:http2, just as much as callers and relays of the scenarios need.
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";

export const GRPC_TYPE = "application/grpc";

/** The statuses the scenarios deal with. */
export const Status = { ok: "0", cancelled: "1", deadline: "4", unavailable: "14" } as const;

/** A message as gRPC frames it, not compressed. */
export function message(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** What came of a call. */
export interface Reply {
  readonly headers: IncomingHttpHeaders;
  /** From the trailers, or the head of an answer that is nothing else; empty when there was none. */
  readonly status: string;
  readonly cause: string;
  readonly body: Buffer;
  /** What broke it: an error of Node, or empty. */
  readonly broken: string;
}

/** A call on its way. */
export interface Call {
  readonly reply: Promise<Reply>;
  cancel(): void;
}

/** A few connections to one port, replaced when they go. */
export class Channel {
  readonly #port: number;
  readonly #sessions: (ClientHttp2Session | undefined)[];
  #next = 0;

  constructor(port: number, connections: number) {
    this.#port = port;
    this.#sessions = Array.from({ length: connections }, () => undefined);
  }

  call(headers: OutgoingHttpHeaders, body: Buffer): Call {
    const head = { ":method": "POST", ":scheme": "http", te: "trailers", "content-type": GRPC_TYPE, ...headers };
    const stream = this.#session().request(head, { endStream: false });
    const reply = new Promise<Reply>((done) => {
      const parts: Buffer[] = [];
      let answer: IncomingHttpHeaders = {};
      let trailers: IncomingHttpHeaders = {};
      let broken = "";
      stream.on("response", (head) => (answer = head));
      stream.on("trailers", (fields) => (trailers = fields));
      stream.on("data", (chunk: Buffer) => parts.push(chunk));
      stream.on("error", (error: NodeJS.ErrnoException) => (broken = error.code ?? error.message));
      stream.on("close", () =>
        done({
          headers: answer,
          status: String(trailers["grpc-status"] ?? answer["grpc-status"] ?? ""),
          cause: String(trailers["fairlead-cause"] ?? answer["fairlead-cause"] ?? ""),
          body: Buffer.concat(parts),
          broken,
        }),
      );
    });
    stream.end(body);
    return { reply, cancel: () => stream.close(http2.constants.NGHTTP2_CANCEL) };
  }

  close(): void {
    for (const session of this.#sessions) session?.destroy();
  }

  #session(): ClientHttp2Session {
    const at = this.#next++ % this.#sessions.length;
    const kept = this.#sessions[at];
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept;
    const session = http2.connect(`http://127.0.0.1:${this.#port}`, { settings: { enablePush: false } });
    session.on("error", () => undefined); // its streams say it
    this.#sessions[at] = session;
    return session;
  }
}
