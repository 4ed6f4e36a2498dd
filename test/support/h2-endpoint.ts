// What scripted callers and services of HTTP/2 have in common: it reads strictly, keeps everything, judges what the proxy sends by windows,
// frame sizes and the life of streams, and gives no window back unless it is told to.
import {
  ACK,
  type CLIENT_PREFACE,
  contentOf,
  END_HEADERS,
  END_STREAM,
  type FieldPairs,
  type Frame,
  frame,
  FrameCutter,
  goawayFrame,
  literalBlock,
  pingFrame,
  Set as Setting,
  settingsFrame,
  Type,
  windowFrame,
} from "./h2-frames.ts";
import { H2Stream } from "./h2-stream.ts";
import { StoryDecoder, type StoryEncoder } from "./hpack.ts";
import type { Peer } from "./peer.ts";

type Settings = readonly (readonly [id: number, value: number])[];

/** How an endpoint behaves by itself. */
export interface H2Options {
  /** What it announces first. */
  readonly settings?: Settings;
  /** Gives every octet back as soon as it has come. */
  readonly refill?: boolean;
  /** Answers SETTINGS and PING; by default it does. */
  readonly answers?: boolean;
  /** Compresses its headers with this; by default they are literals. */
  readonly encoder?: StoryEncoder;
}

const FIRST_WINDOW = 65_535;

/** One end of a connection. */
export abstract class H2Endpoint {
  readonly peer: Peer;
  readonly options: H2Options;
  /** By id, in order. */
  readonly streams = new Map<number, H2Stream>();
  /** All frames that came. */
  readonly frames: Frame[] = [];
  /** What the other side announced. */
  readonly settings = new Map<number, number>();
  settingsAcknowledged = 0;
  readonly goaways: { readonly lastId: number; readonly code: number }[] = [];
  readonly pongs: string[] = [];
  /** Where the proxy broke the rules. */
  readonly problems: string[] = [];
  sendWindow = FIRST_WINDOW;
  receiveWindow = FIRST_WINDOW;
  /** Windows that new streams begin with. */
  #sendStreams = FIRST_WINDOW;
  #receiveStreams = FIRST_WINDOW;
  #acknowledgedWindow = FIRST_WINDOW;
  /** Our settings that are not acknowledged yet. */
  readonly #announced: Settings[] = [];
  #maxFrame = 16_384;
  readonly #cutter = new FrameCutter();
  readonly #decoder = new StoryDecoder();
  #blockOf: Frame | null = null;
  #block: Buffer[] = [];
  #preface: string;

  /** @param preface what the other side says before its first frame. */
  constructor(peer: Peer, options: H2Options, preface: "" | typeof CLIENT_PREFACE) {
    this.peer = peer;
    this.options = options;
    this.#preface = preface;
    peer.onChunk = (chunk) => this.#read(chunk);
  }

  get closed(): boolean {
    return this.peer.closed;
  }

  /** Has the proxy let go of the connection? */
  get over(): boolean {
    return this.peer.ended || this.peer.closed;
  }

  // ---- Sending -----------------------------------------------------------------------------------------------------

  /** Sends bytes as they are. */
  send(...bytes: readonly (Buffer | string)[]): void {
    this.peer.send(...bytes);
  }

  block(fields: FieldPairs): Buffer {
    return this.options.encoder?.encode(fields) ?? literalBlock(fields);
  }

  /** Announces settings. What makes less of a window counts from the acknowledgement on, what makes more at once. */
  announce(settings: Settings): void {
    this.#announced.push(settings);
    for (const [id, value] of settings) if (id === Setting.maxFrame) this.#maxFrame = Math.max(this.#maxFrame, value);
    this.#judgeWindows();
    this.send(settingsFrame(settings));
  }

  // Whichever of the settings under way the other side knows already: it may use the largest.
  #judgeWindows(): void {
    const value = Math.max(
      this.#acknowledgedWindow,
      ...this.#announced.flat().flatMap(([id, bytes]) => (id === Setting.initialWindow ? [bytes] : [])),
    );
    for (const stream of this.streams.values()) stream.receiveWindow += value - this.#receiveStreams;
    this.#receiveStreams = value;
  }

  /** Lets the other side send so much more on the connection. */
  grant(bytes: number): void {
    this.receiveWindow += bytes;
    this.send(windowFrame(0, bytes));
  }

  ping(content: string): void {
    this.send(pingFrame(content));
  }

  goaway(lastId: number, code = 0): void {
    this.send(goawayFrame(lastId, code));
  }

  protected newStream(id: number): H2Stream {
    const stream = new H2Stream(this, id, this.#sendStreams, this.#receiveStreams);
    this.streams.set(id, stream);
    return stream;
  }

  // ---- Reading -----------------------------------------------------------------------------------------------------

  /** A head or trailers of a stream that is not known. */
  protected abstract opened(id: number): H2Stream | null;
  /** A request's or an answer's final head has come. */
  protected abstract headCame(stream: H2Stream): void;
  /** The other side has said all on a stream. */
  protected abstract streamEnded(stream: H2Stream): void;
  protected streamReset(_stream: H2Stream): void {
    // Services may want to know.
  }

  #read(chunk: string): void {
    let text = chunk;
    if (this.#preface !== "") {
      const bytes = Math.min(text.length, this.#preface.length);
      if (text.slice(0, bytes) !== this.#preface.slice(0, bytes)) this.#object("it does not begin with the preface");
      this.#preface = this.#preface.slice(bytes);
      text = text.slice(bytes);
    }
    for (const one of this.#cutter.push(Buffer.from(text, "latin1"))) this.#take(one);
  }

  #object(problem: string): void {
    this.problems.push(problem);
  }

  #take(one: Frame): void {
    if (this.frames.length === 0 && one.type !== Type.settings) this.#object("its first frame is not SETTINGS");
    this.frames.push(one);
    if (one.payload.length > this.#maxFrame) this.#object(`a frame of ${one.payload.length} octets`);
    if (this.#blockOf !== null && (one.type !== Type.continuation || one.id !== this.#blockOf.id)) {
      this.#object("a frame in the middle of a header block");
    }
    if (one.type === Type.data) this.#data(one);
    else if (one.type === Type.headers) this.#headers(one);
    else if (one.type === Type.continuation) this.#goOn(one);
    else if (one.type === Type.reset) this.#reset(one);
    else if (one.type === Type.settings) this.#settings(one);
    else if (one.type === Type.ping) this.#ping(one);
    else if (one.type === Type.goaway) {
      this.goaways.push({ lastId: one.payload.readUInt32BE(0) & 0x7fff_ffff, code: one.payload.readUInt32BE(4) });
    } else if (one.type === Type.windowUpdate) this.#window(one);
    else this.#object(`a frame of type ${one.type}`);
  }

  /** The stream of a frame that says something; null when the frame is to be ignored. */
  #streamOf({ id }: Frame, what: string): H2Stream | null {
    const stream = this.streams.get(id) ?? null;
    if (stream === null) this.#object(`${what} on stream ${id}, which is idle`);
    else if (stream.reset !== null) this.#object(`${what} on stream ${id} after its reset`);
    else if (stream.ended) this.#object(`${what} on stream ${id} after its end`);
    else if (stream.resetSent) stream.lateFrames++;
    return stream;
  }

  #data(one: Frame): void {
    const bytes = one.payload.length;
    this.receiveWindow -= bytes;
    if (this.receiveWindow < 0) this.#object(`DATA beyond the connection's window by ${-this.receiveWindow}`);
    const stream = this.#streamOf(one, "DATA");
    if (stream === null) return;
    stream.receiveWindow -= bytes;
    if (stream.receiveWindow < 0 && bytes > 0) {
      this.#object(`DATA beyond the window of stream ${one.id} by ${-stream.receiveWindow}`);
    }
    if (stream.head === null) this.#object("DATA before the head");
    stream.took(contentOf(one));
    const end = (one.flags & END_STREAM) !== 0;
    if (this.options.refill === true && bytes > 0) {
      this.grant(bytes);
      if (!end) stream.grant(bytes);
    }
    if (end) this.#ended(stream);
  }

  #ended(stream: H2Stream): void {
    stream.ended = true;
    this.streamEnded(stream);
  }

  #headers(one: Frame): void {
    this.#blockOf = one;
    this.#block = [contentOf(one)];
    if ((one.flags & END_HEADERS) !== 0) this.#blockDone();
  }

  #goOn(one: Frame): void {
    if (this.#blockOf === null) this.#object("CONTINUATION of nothing");
    this.#block.push(one.payload);
    if ((one.flags & END_HEADERS) !== 0) this.#blockDone();
  }

  #blockDone(): void {
    const one = this.#blockOf as Frame; // it has begun
    this.#blockOf = null;
    const fields = this.#decoder.decode(Buffer.concat(this.#block));
    if (!this.streams.has(one.id)) this.opened(one.id);
    const stream = this.#streamOf(one, "HEADERS");
    if (stream === null) return;
    const end = (one.flags & END_STREAM) !== 0;
    const [first] = fields;
    if (stream.head !== null) {
      stream.trailers = fields;
      if (!end) this.#object("trailers that do not end the stream");
    } else if (first?.[0] === ":status" && first[1].startsWith("1")) stream.interim.push(fields);
    else {
      stream.head = fields;
      this.headCame(stream);
    }
    if (end) this.#ended(stream);
  }

  #reset(one: Frame): void {
    const stream = this.streams.get(one.id);
    if (stream === undefined) return this.#object(`RST_STREAM of stream ${one.id}, which is idle`);
    if (stream.reset !== null) this.#object(`a second RST_STREAM of stream ${one.id}`);
    stream.reset = one.payload.readUInt32BE(0);
    this.streamReset(stream);
    return undefined;
  }

  #settings(one: Frame): void {
    if ((one.flags & ACK) !== 0) return this.#acknowledged();
    for (let at = 0; at < one.payload.length; at += 6) {
      this.#setting(one.payload.readUInt16BE(at), one.payload.readUInt32BE(at + 2));
    }
    if (this.options.answers !== false) this.send(frame(Type.settings, ACK, 0));
    this.#pump();
    return undefined;
  }

  #acknowledged(): void {
    this.settingsAcknowledged++;
    for (const [id, value] of this.#announced.shift() ?? []) {
      if (id === Setting.initialWindow) this.#acknowledgedWindow = value;
      if (id === Setting.maxFrame) this.#maxFrame = value;
      if (id === Setting.tableBytes) this.#decoder.setMaxTableBytes(value);
    }
    this.#judgeWindows();
  }

  #setting(id: number, value: number): void {
    this.settings.set(id, value);
    if (id !== Setting.initialWindow) return;
    for (const stream of this.streams.values()) stream.sendWindow += value - this.#sendStreams;
    this.#sendStreams = value;
  }

  #ping(one: Frame): void {
    const content = one.payload.toString("latin1");
    if ((one.flags & ACK) !== 0) this.pongs.push(content);
    else if (this.options.answers !== false) this.send(pingFrame(content, true));
  }

  #window(one: Frame): void {
    const increment = one.payload.readUInt32BE(0);
    if (increment === 0) this.#object("WINDOW_UPDATE of nothing");
    if (one.id === 0) this.sendWindow += increment;
    else {
      const stream = this.streams.get(one.id);
      if (stream === undefined) return this.#object(`WINDOW_UPDATE of stream ${one.id}, which is idle`);
      stream.sendWindow += increment;
    }
    this.#pump();
    return undefined;
  }

  #pump(): void {
    for (const stream of this.streams.values()) if (!stream.resetSent && stream.reset === null) stream.pump();
  }

  /** Frames of one type, on one stream. */
  framesOf(type: number, id: number): Frame[] {
    return this.frames.filter((one) => one.type === type && one.id === id);
  }
}
