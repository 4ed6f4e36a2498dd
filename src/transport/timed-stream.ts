// @hot A connection with timeouts of its own (linkerd1 §1.5): it is closed when nothing is read from it for too long, whatever it is doing,
// or when something that was written to it is not taken within its time. Nothing else is known here of what passes.
//
// It stands between a stream and its reader, and only where a timeout is configured: any other connection is not touched. A read costs
// one store of the clock reading its reader has made; the one timer looks at what is due only when it fires.
import { WheelTimer } from "../base/timer-wheel.ts";
import type { ByteReader, ByteStream, ConnectOptions, Connector, Transport } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { StreamTimeout, type StreamTimeouts } from "../core/stream-timeout.ts";

/** A write that the kernel has not taken whole. */
interface LentWrite {
  /** Where it ends, counted from the first one that waits. */
  readonly end: number;
  readonly sinceMs: number;
}

/** One connection. */
class TimedStream implements ByteStream, Connector {
  readonly #loop: DataLoop;
  readonly #timeouts: StreamTimeouts;
  readonly #timer = new WheelTimer(this);
  #stream: ByteStream;
  #reader: ByteReader | null = null;
  /** When something was last read. */
  #heardMs = 0;
  /** Writes that wait, the oldest first, and how many bytes were given since the first of them. */
  readonly #waiting: LentWrite[] = [];
  #givenBytes = 0;
  #timeout: StreamTimeout | null = null;

  private constructor(loop: DataLoop, timeouts: StreamTimeouts, stream: ByteStream) {
    this.#loop = loop;
    this.#timeouts = timeouts;
    this.#stream = stream;
  }

  /** One that was accepted. */
  static accepted(loop: DataLoop, timeouts: StreamTimeouts, stream: ByteStream): TimedStream {
    const timed = new TimedStream(loop, timeouts, stream);
    loop.tick();
    timed.#begin();
    return timed;
  }

  /** One that is to be connected; its time runs from when it is. */
  static connecting(
    loop: DataLoop,
    timeouts: StreamTimeouts,
    transport: Transport,
    options: ConnectOptions,
    connector: Connector,
  ): TimedStream {
    const timed = new TimedStream(loop, timeouts, NO_STREAM);
    timed.#reader = connector;
    timed.#stream = transport.connect(options, timed); // which tells of nothing before it has returned
    return timed;
  }

  // ---- What is read ------------------------------------------------------------------------------------------------

  attach(reader: ByteReader): void {
    this.#reader = reader;
    this.#stream.attach(this);
  }

  onConnect(): void {
    this.#loop.tick();
    this.#begin();
    (this.#reader as Connector).onConnect();
  }

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const goOn = (this.#reader as ByteReader).onBytes(buffer, start, end, lendable);
    this.#heardMs = this.#loop.nowMs; // which the reader has read
    return goOn;
  }

  onEnd(): void {
    this.#reader?.onEnd();
  }

  onClose(error: Error | null): void {
    this.#loop.wheel.cancel(this.#timer);
    this.#allTaken();
    this.#reader?.onClose(this.#timeout ?? error);
  }

  onWritten(): void {
    this.#allTaken();
    this.#reader?.onWritten();
  }

  // ---- What is written ---------------------------------------------------------------------------------------------

  write(buffer: Buffer, start: number, end: number): boolean {
    const taken = this.#stream.write(buffer, start, end);
    if (!taken && this.#timeouts.writeMs > 0) this.#waits(end - start);
    return taken;
  }

  #waits(bytes: number): void {
    const sinceMs = this.#loop.tick();
    this.#givenBytes += bytes;
    this.#waiting.push({ end: this.#givenBytes, sinceMs }); // cold: only where the kernel did not take all
    if (this.#waiting.length === 1) this.#arm();
  }

  #allTaken(): void {
    this.#waiting.length = 0;
    this.#givenBytes = 0;
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  #begin(): void {
    this.#heardMs = this.#loop.nowMs;
    this.#arm();
  }

  onTimer(): void {
    const nowMs = this.#loop.tick();
    if (this.#dueMs() > nowMs) return this.#arm();
    const reading = this.#readDueMs() <= nowMs;
    this.#timeout = new StreamTimeout(reading); // cold: the end of the connection
    this.#stream.destroy(!reading); // what was not taken shall not stay in the kernel
    return undefined;
  }

  #arm(): void {
    const dueMs = this.#dueMs();
    if (dueMs !== Number.POSITIVE_INFINITY) {
      this.#loop.wheel.arm(this.#timer, Math.max(0, dueMs - this.#loop.nowMs));
    }
  }

  #dueMs(): number {
    return Math.min(this.#readDueMs(), this.#writeDueMs());
  }

  #readDueMs(): number {
    const { readMs } = this.#timeouts;
    return readMs > 0 ? this.#heardMs + readMs : Number.POSITIVE_INFINITY;
  }

  // Writes leave in the order in which they were given.
  #writeDueMs(): number {
    const waiting = this.#waiting;
    if (waiting.length === 0) return Number.POSITIVE_INFINITY;
    const leftBytes = this.#givenBytes - this.#stream.unsentBytes;
    let oldest = waiting[0];
    while (oldest !== undefined && oldest.end <= leftBytes) {
      waiting.shift();
      oldest = waiting[0];
    }
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.sinceMs + this.#timeouts.writeMs;
  }

  // ---- The stream as it is -----------------------------------------------------------------------------------------

  get remote(): string {
    return this.#stream.remote;
  }

  get lent(): boolean {
    return this.#stream.lent;
  }

  get unsentBytes(): number {
    return this.#stream.unsentBytes;
  }

  get refused(): boolean {
    return this.#stream.refused;
  }

  resume(): void {
    this.#stream.resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  usePrivateBuffer(on: boolean, lentOut?: boolean): void {
    this.#stream.usePrivateBuffer(on, lentOut);
  }

  keepHalfOpen(): void {
    this.#stream.keepHalfOpen();
  }

  end(): void {
    this.#stream.end();
  }

  destroy(reset?: boolean): void {
    this.#stream.destroy(reset);
  }
}

// Stands in the field while `connect` is called.
const NO_STREAM = null as unknown as ByteStream;

/** Gives every stream that is accepted these timeouts; without any, `accept` itself. */
export function timedAccept(
  loop: DataLoop,
  timeouts: StreamTimeouts | null | undefined,
  accept: (stream: ByteStream) => void,
): (stream: ByteStream) => void {
  if (timeouts === null || timeouts === undefined) return accept;
  return (stream) => accept(TimedStream.accepted(loop, timeouts, stream)); // cold: once per server
}

/** Connects with the timeouts that the options ask for; without any, the transport itself. */
export function timedConnecting(loop: DataLoop, transport: Transport, { timeouts }: ConnectOptions): Transport {
  if (timeouts === null || timeouts === undefined) return transport;
  return {
    listen: (options, accept) => transport.listen(options, accept), // cold: once per endpoint, as the next
    connect: (options, connector) => TimedStream.connecting(loop, timeouts, transport, options, connector),
  };
}
