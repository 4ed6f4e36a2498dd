// A caller of HTTP/2 that sends what no library would: one connection for each request, written frame by frame.
import { connect } from "node:net";
import {
  ACK,
  CLIENT_PREFACE,
  contentOf,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  type BlockForm,
  type FieldPairs,
  type Frame,
  FrameCutter,
  headerFrames,
  literalBlock,
  Set as Setting,
  settingsFrame,
  frame,
  Type,
  windowFrame,
} from "../../../support/h2-frames.ts";
import { StoryDecoder } from "../../../support/hpack.ts";

/** One request. */
export interface Request {
  readonly fields: FieldPairs;
  readonly form?: BlockForm;
  /** In so many DATA frames. */
  readonly body?: readonly string[];
  /** Octets of padding in each DATA frame. */
  readonly padding?: number;
  readonly trailers?: FieldPairs;
  /** Sends the body when it is told to continue. */
  readonly waits?: boolean;
}

/** What came back. */
export interface Reply {
  /** Interim answers, the final one last. */
  readonly heads: FieldPairs[];
  body: string;
  trailers: FieldPairs;
  /** `complete`, `reset CODE`, `goaway CODE`, `closed` or `silent`. */
  end: string;
}

const SILENCE_MS = 4000;
/** A proxy that answers only after the body gets it all the same. */
const CONTINUE_MS = 500;
const WINDOW = 1_000_000;
const STREAM = 1;

/** Sends a request and waits for what becomes of it. */
export function call(port: number, request: Request): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const reply: Reply = { heads: [], body: "", trailers: [], end: "" };
  const cutter = new FrameCutter();
  const decoder = new StoryDecoder();
  let block: Buffer[] = [];
  let ends = false;
  let bodySent = request.body === undefined && request.trailers === undefined;
  const socket = connect(port, "127.0.0.1");
  const silence = setTimeout(() => finish("silent"), SILENCE_MS);
  const impatience = setTimeout(sendBody, CONTINUE_MS);

  function finish(end: string): void {
    if (reply.end !== "") return;
    reply.end = end;
    clearTimeout(silence);
    clearTimeout(impatience);
    socket.destroy();
    resolve(reply);
  }

  function sendBody(): void {
    if (bodySent) return;
    bodySent = true;
    socket.write(bodyFrames(request));
  }

  function takeBlock(): void {
    const fields = decoder.decode(Buffer.concat(block));
    block = [];
    const status = fields.find(([name]) => name === ":status")?.[1];
    if (status === undefined) reply.trailers = fields;
    else reply.heads.push(fields);
    if (status?.startsWith("1") === true) sendBody();
    if (ends) finish("complete");
  }

  function take(one: Frame): void {
    if (one.type === Type.settings && (one.flags & ACK) === 0) socket.write(frame(Type.settings, ACK, 0));
    if (one.type === Type.goaway && one.payload.readUInt32BE(4) !== 0) finish(`goaway ${one.payload.readUInt32BE(4)}`);
    if (one.id !== STREAM) return;
    if (one.type === Type.reset) finish(`reset ${one.payload.readUInt32BE(0)}`);
    if (one.type === Type.headers) ends = (one.flags & END_STREAM) !== 0;
    if (one.type === Type.headers || one.type === Type.continuation) {
      block.push(contentOf(one));
      if ((one.flags & END_HEADERS) !== 0) takeBlock();
    }
    if (one.type === Type.data) {
      reply.body += contentOf(one).toString("latin1");
      if ((one.flags & END_STREAM) !== 0) finish("complete");
    }
  }

  socket.setNoDelay().on("error", () => undefined);
  socket.on("data", (bytes: Buffer) => {
    for (const one of cutter.push(bytes)) if (reply.end === "") take(one);
  });
  socket.on("close", () => finish("closed"));
  socket.write(CLIENT_PREFACE);
  socket.write(settingsFrame([[Setting.initialWindow, WINDOW]]));
  socket.write(windowFrame(0, WINDOW));
  socket.write(headerFrames(STREAM, literalBlock(request.fields), { ...request.form, end: bodySent }));
  if (request.waits !== true) sendBody();
  return promise;
}

function bodyFrames({ body = [], padding = -1, trailers }: Request): Buffer {
  const frames = body.map((part, i) => {
    const end = trailers === undefined && i === body.length - 1;
    return dataFrame(STREAM, Buffer.from(part, "latin1"), end, padding);
  });
  if (trailers !== undefined) frames.push(headerFrames(STREAM, literalBlock(trailers), { end: true }));
  return Buffer.concat(frames);
}
