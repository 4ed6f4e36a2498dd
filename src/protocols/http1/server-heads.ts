// @hot Heads of requests: each becomes an exchange, is refused, or turns the connection over to another protocol.
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { Tunnel } from "../../core/tunnel.ts";
import type { ConnectionEnds } from "../http/admit.ts";
import { Framing, type HttpHead } from "../http/head.ts";
import { admit } from "./admit.ts";
import { Parse, parseRequestHead } from "./codec/parse-head.ts";
import { isConnect, isIdempotent, isSafe, wantsKeepAlive } from "./request-traits.ts";
import { ServerAnswers } from "./server-answers.ts";
import { State } from "./server-input.ts";
import { readOffer } from "./upgrade.ts";

const MAX_LEADING_NEWLINES = 8;
const CONNECT_LENGTH = 7;
const HTTP2_LINE = "PRI * HTTP/2.0\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/** A connection as the source of requests. */
export abstract class ServerHeads extends ServerAnswers implements ConnectionEnds {
  protected requests = 0;
  #newlines = 0;

  /** The connection goes on, but is none of ours any longer. */
  protected abstract handOver(): void;

  // RFC 9112 §2.2: a few empty lines before a request line are forgiven.
  protected skipNewlines(buffer: Buffer, start: number, end: number): number {
    if (this.writer.blocked) return start; // the caller must take its last answer first
    let at = start;
    while (at < end && (buffer[at] === 13 || buffer[at] === 10) && this.#newlines < MAX_LEADING_NEWLINES) {
      at++;
      this.#newlines++;
    }
    if (at < end) this.state = State.head;
    return at;
  }

  protected readHead(buffer: Buffer, start: number, end: number): number {
    const { limits, heads } = this.context;
    let head = this.head;
    if (head === null) {
      head = heads.take();
      this.head = head;
      head.begin(buffer, start);
      const verdict = parseRequestHead(head, end, limits.head);
      if (verdict === Parse.done) {
        const next = start + head.length;
        if (head.upgrade && this.#upgrades(head, buffer, next, end)) return end;
        head.adopt();
        this.#start(head, next < end);
        return next;
      }
      if (verdict === Parse.bad) {
        if (this.#isNeighbours(head, buffer, start, end)) return end;
        return this.refuseHead(head, head.problem as Cause, end);
      }
      head.accumulate(buffer, start, end);
      this.arm();
      return end;
    }
    const before = head.accumulated;
    head.accumulate(buffer, start, end);
    const verdict = parseRequestHead(head, head.accumulated, limits.head);
    if (verdict === Parse.incomplete) return end;
    if (verdict === Parse.bad) {
      if (this.#isNeighbours(head, head.bytes, head.base, head.base + head.accumulated)) return end;
      return this.refuseHead(head, head.problem as Cause, end);
    }
    const next = start + head.length - before;
    if (head.upgrade && this.#upgrades(head, buffer, next, end)) return end;
    this.#start(head, next < end);
    return next;
  }

  // Another protocol begins with what is no request of this one.
  #isNeighbours(head: HttpHead, buffer: Buffer, start: number, end: number): boolean {
    const { neighbour } = this.context;
    if (neighbour === null || this.requests > 0 || head.problem !== causes.requestVersion) return false;
    // As much of it as has come; the neighbour reads the rest of its preface itself.
    if (!HTTP2_LINE.startsWith(buffer.toString("latin1", start, Math.min(end, start + HTTP2_LINE.length))))
      return false;
    const bytes = Buffer.from(buffer.subarray(start, end));
    this.handOver();
    neighbour.takeOver(this.stream, bytes, 0, bytes.length);
    return true;
  }

  // A request without a body may ask to go on in another protocol (RFC 9110 §7.8).
  #upgrades(head: HttpHead, buffer: Buffer, next: number, end: number): boolean {
    const { neighbour } = this.context;
    if (neighbour === null || head.framing !== Framing.none || head.minor === 0) return false;
    if (this.isLeaving() || this.writer.blocked) return false;
    const offer = neighbour.offer(head);
    if (offer === null) return false;
    const rest = Buffer.from(buffer.subarray(next, end));
    this.writer.begin().appendText(SWITCHING);
    this.writer.flush();
    this.head = null; // it is read before it is given back
    this.handOver();
    neighbour.upgrade(this.stream, head, offer, rest);
    this.context.heads.give(head);
    return true;
  }

  #start(head: HttpHead, more: boolean): void {
    const context = this.context;
    const ex = context.loop.exchanges.take();
    this.exchange = ex;
    this.head = head;
    this.requests++;
    this.#newlines = 0;
    ex.downstream = this;
    ex.request = head;
    ex.startMs = context.loop.nowMs;
    ex.idempotent = isIdempotent(head);
    ex.safe = ex.idempotent && isSafe(head);
    ex.hasBody = head.framing !== Framing.none;
    this.keepAlive = wantsKeepAlive(head);
    this.answerDone = false;
    this.requestDone = !ex.hasBody;
    this.state = ex.hasBody ? State.body : State.waiting;
    if (ex.hasBody) this.startBody(head);
    if (head.upgrade || head.methodEnd === CONNECT_LENGTH) this.#asksForTunnel(ex, head, more);
    const failure = admit(ex, head, this, context.admission);
    if (failure === null) context.handler.accept(ex);
    else context.handler.refuse(ex, failure);
  }

  // Callers of CONNECT may send on at once what is none of ours, so nothing behind a refused one is read as a request. Of an upgrade it
  // depends on whether there is anything behind it: here, or when the answer comes.
  #asksForTunnel(ex: Exchange, head: HttpHead, more: boolean): void {
    readOffer(ex, head, this.context.tunnels);
    if (!isConnect(head) && !(more && ex.tunnel !== Tunnel.none)) return;
    this.keepAlive = false;
    this.orderly = false;
  }

  // A head that cannot be read ends the connection: where the next message begins is anybody's guess.
  protected refuseHead(head: HttpHead, problem: Cause, end: number): number {
    const { handler, loop } = this.context;
    const ex = loop.exchanges.take();
    this.exchange = ex;
    this.requests++;
    ex.downstream = this;
    ex.request = head;
    ex.startMs = loop.nowMs;
    this.keepAlive = false;
    this.orderly = false;
    this.requestDone = true;
    this.answerDone = false;
    this.state = State.waiting;
    handler.refuse(ex, new Failure(problem));
    return end;
  }
}
