// @hot What a session reads from its service: used as far as the answer's sink takes it, kept when it does not, and then not read.
//
// The second of the four classes of a session (`client-requests`). It cuts nothing itself: heads and bodies are for `client-answers`, what
// belongs to a tunnel for `client`.
import type { Trailers } from "../../core/body.ts";
import { SessionStatus } from "../../core/session.ts";
import { Answer, ClientRequests } from "./client-requests.ts";
import type { ClientTunnel } from "./client-tunnel.ts";

/** A connection to a service as a source of bytes. */
export abstract class ClientInput extends ClientRequests {
  /** When something last came, or was asked for. */
  protected progressMs = 0;
  // The answer's body is not taken for the moment.
  protected full = false;
  protected paused = false;
  protected chunkLent = false;
  protected stash: Buffer | null = null;
  /** The service sends nothing more. */
  protected ended = false;
  /** What the connection has become. */
  protected tunnel: ClientTunnel | null = null;

  /** Each uses some of `buffer[start, end)` and returns how far it came. */
  protected abstract readHead(buffer: Buffer, start: number, end: number): number;
  protected abstract readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number;
  protected abstract pastSwitch(buffer: Buffer, start: number, end: number, lendable: boolean): number;
  /** The answer is complete; `more` when something stands behind it. */
  protected abstract finish(trailers: Trailers | null, more: boolean): void;
  /** All that will ever come has been used. */
  protected abstract peerEnded(): void;

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const { loop, stats } = this.context;
    this.progressMs = loop.tick();
    stats.receivedBytes.add(end - start);
    if (this.stash !== null) {
      this.stash = Buffer.concat([this.stash, buffer.subarray(start, end)]); // cold: bytes read while stopping
      return this.#stopReading();
    }
    const position = this.#consume(buffer, start, end, lendable);
    if (position < end) {
      if (this.status === SessionStatus.closed) return false;
      this.stash = Buffer.from(buffer.subarray(position, end)); // cold: the sink is full
      return this.#stopReading();
    }
    return this.full ? this.#stopReading() : true;
  }

  #stopReading(): boolean {
    this.paused = true;
    return false;
  }

  #consume(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    let at = start;
    while (at < end) {
      if (this.attempt === null) {
        this.#unexpected();
        return end;
      }
      if (this.answer === Answer.head) at = this.readHead(buffer, at, end);
      else if (this.full) return at;
      else if (this.answer === Answer.body) at = this.readBody(buffer, at, end, lendable);
      else if (this.answer === Answer.tunnel) return this.pastSwitch(buffer, at, end, lendable);
      else return at;
    }
    return at;
  }

  // Bytes nobody asked for.
  #unexpected(): void {
    if (this.status === SessionStatus.closed || this.tunnel !== null) return;
    this.context.stats.unexpected();
    this.close();
  }

  resume(): void {
    if (this.attempt === null) return;
    this.full = false;
    this.chunkLent = false;
    this.progressMs = this.context.loop.nowMs;
    if (this.answer === Answer.ending) return this.finish(null, this.stash !== null);
    const stash = this.stash;
    if (stash !== null) {
      this.stash = null;
      const position = this.#consume(stash, 0, stash.length, false);
      if (position < stash.length) {
        this.stash = stash.subarray(position);
        return undefined;
      }
    }
    if (this.full) return undefined;
    if (this.ended && this.attempt !== null) return this.peerEnded();
    if (this.paused) {
      this.paused = false;
      this.stream.resume();
    }
    return undefined;
  }

  pause(): void {
    if (this.attempt === null) return;
    this.full = true;
    if (this.paused) return;
    this.paused = true;
    this.stream.pause();
  }
}
