// The half towards callers: one connection, its commands one after the other, so that answers come in their order.
import {
  type ByteReader,
  type ByteStream,
  causes,
  type DataLoop,
  type Downstream,
  type Exchange,
  type ExchangeHandler,
  Failure,
  type ServerFigures,
  WheelTimer,
} from "fairlead/plugin";
import { type Command, CommandReader, type CommandLimits, Malformed } from "./command.ts";
import { commandSpec, refusal } from "./commands.ts";

/** Bounds of a connection; 0 ms = none. */
export interface ServerLimits extends CommandLimits {
  /** A command must be complete after so long, and an answer be taken up. */
  readonly stallMs: number;
  readonly idleMs: number;
  readonly databases: number;
}

/** What all connections of a server share. */
export interface ServerWorld {
  readonly loop: DataLoop;
  readonly handler: ExchangeHandler;
  readonly figures: ServerFigures;
  readonly limits: ServerLimits;
  readonly counters: { readonly refused: Counting; readonly local: Counting; readonly malformed: Counting };
  gone(connection: ServerConnection): void;
}

interface Counting {
  inc(): void;
}

/** So much of what callers send ahead is read. */
const MAX_AHEAD_BYTES = 64 * 1024;

/** One accepted connection. */
export class ServerConnection implements ByteReader, Downstream {
  readonly remote: string;
  readonly requestPassed = true;
  readonly #stream: ByteStream;
  readonly #world: ServerWorld;
  readonly #reader: CommandReader;
  readonly #timer = new WheelTimer(this);
  readonly #openedMs: number;
  #sinceMs: number;
  #served = 0;
  #exchange: Exchange | null = null;
  #database = 0;
  #processing = false;
  #paused = false;
  #draining = false;
  /** The caller sends no more. */
  #ended = false;
  /** No command will be read any more. */
  #closing = false;
  #closed = false;

  constructor(stream: ByteStream, world: ServerWorld) {
    this.#stream = stream;
    this.#world = world;
    this.#reader = new CommandReader(world.limits);
    this.remote = stream.remote;
    this.#openedMs = world.loop.nowMs;
    this.#sinceMs = this.#openedMs;
    world.figures.opened();
    this.#watch();
    stream.attach(this);
  }

  // ---- Commands ------------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number): boolean {
    const { figures, loop } = this.#world;
    this.#sinceMs = loop.tick();
    figures.receivedBytes.add(end - start);
    if (this.#closing) return true; // what comes now is thrown away
    this.#reader.push(buffer, start, end);
    this.#proceed();
    this.#paused = this.#isBusy() && this.#reader.waiting > MAX_AHEAD_BYTES;
    return !this.#paused;
  }

  // An answer under way, or one that the caller does not take.
  #isBusy(): boolean {
    return this.#exchange !== null || this.#stream.lent;
  }

  #proceed(): void {
    if (this.#processing) return;
    this.#processing = true;
    while (!this.#isBusy() && !this.#closing) {
      const command = this.#reader.next();
      if (command === null) break;
      if (command instanceof Malformed) this.#refuse(command);
      else this.#serve(command);
    }
    this.#processing = false;
    if (this.#isBusy() || this.#closed) return;
    if (this.#ended || (this.#draining && this.#reader.waiting === 0)) this.#finishSending();
    else if (this.#paused) {
      this.#paused = false;
      this.#stream.resume();
    }
  }

  #refuse({ message }: Malformed): void {
    this.#world.counters.malformed.inc();
    this.#send(`-ERR Protocol error: ${message}\r\n`);
    this.#finishSending();
  }

  #serve(command: Command): void {
    const answer = this.#ownAnswer(command);
    if (answer !== null) {
      this.#world.counters.local.inc();
      this.#send(answer);
      if (command.name === "quit") this.#finishSending();
      return;
    }
    command.spec = commandSpec(command.name) ?? null;
    if (command.spec === null) {
      this.#world.counters.refused.inc();
      this.#send(`-ERR ${refusal(command.name)}\r\n`);
      return;
    }
    this.#start(command, command.spec);
  }

  // What concerns this connection is answered here.
  #ownAnswer({ args, name }: Command): string | null {
    const [, first = "", second = ""] = args;
    if (name === "ping") return args.length > 1 ? `$${first.length}\r\n${first}\r\n` : "+PONG\r\n";
    if (name === "echo") return `$${first.length}\r\n${first}\r\n`;
    if (name === "quit") return "+OK\r\n";
    if (name === "command") return "*0\r\n";
    if (name === "client" && /^(?:setname|setinfo)$/i.test(first)) return "+OK\r\n";
    if (name === "hello")
      return second === "" && first !== "2"
        ? "-NOPROTO this proxy speaks RESP2\r\n"
        : "-ERR unknown command 'hello'\r\n";
    return name === "select" ? this.#select(first) : null;
  }

  #select(written: string): string {
    const database = /^\d{1,5}$/.test(written) ? Number(written) : Number.NaN;
    if (!(database < this.#world.limits.databases)) return "-ERR DB index is out of range\r\n";
    this.#database = database;
    return "+OK\r\n";
  }

  #start(command: Command, { idempotent, reads }: { readonly idempotent: boolean; readonly reads: boolean }): void {
    const { handler, loop } = this.#world;
    command.database = this.#database;
    const ex = loop.exchanges.take();
    this.#exchange = ex;
    this.#served++;
    ex.downstream = this;
    ex.request = command;
    ex.startMs = loop.nowMs;
    ex.idempotent = idempotent;
    ex.safe = reads;
    handler.accept(ex);
  }

  // ---- The answer ----------------------------------------------------------------------------------------------------

  inform(): void {
    // There are no interim answers.
  }

  answer(ex: Exchange): void {
    ex.status = ex.attempt?.status ?? 0; // the bytes follow as the body
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    const ex = this.#exchange;
    if (ex === null) return true;
    ex.responseBytes += end - start;
    return this.#sendBytes(Buffer.from(buffer.subarray(start, end)));
  }

  end(): void {
    if (this.#exchange === null) return;
    this.#finish();
    this.#proceed();
  }

  // Half an answer: the caller must not take what follows for its rest.
  abort(): void {
    if (this.#exchange === null) return;
    this.#finish();
    this.#closing = true;
    this.#stream.destroy(true);
  }

  fail(ex: Exchange, failure: Failure): void {
    if (ex.answered) {
      this.abort();
      return;
    }
    ex.status = statusOf(failure);
    this.#send(`-${errorWord(ex, failure)} ${failure.message.replaceAll(/[\r\n]+/g, " ")} (${failure.token()})\r\n`);
    this.#finish();
    this.#proceed();
  }

  canned(ex: Exchange, status: number): void {
    ex.status = status;
    this.#send(`-ERR the name leads to status ${status}\r\n`);
    this.#finish();
    this.#proceed();
  }

  canReplay(): boolean {
    return true;
  }

  #finish(): void {
    const ex = this.#exchange;
    if (ex === null) return;
    this.#exchange = null;
    this.#sinceMs = this.#world.loop.nowMs;
    this.#world.handler.finished(ex);
    this.#world.loop.exchanges.give(ex);
  }

  #send(text: string): boolean {
    return this.#sendBytes(Buffer.from(text, "latin1"));
  }

  // Every buffer is written once and never touched again, so it may stay lent for as long as it takes.
  #sendBytes(bytes: Buffer): boolean {
    if (this.#closed) return true;
    this.#world.figures.sentBytes.add(bytes.length);
    return this.#stream.write(bytes, 0, bytes.length);
  }

  onWritten(): void {
    this.#sinceMs = this.#world.loop.tick();
    const upstream = this.#exchange?.attempt?.upstream ?? null;
    if (upstream !== null) upstream.resume();
    else this.#proceed();
  }

  // A command has no body: there is nothing to go on with, and nothing to wait with.
  resume(): void {}

  pause(): void {}

  // ---- Ending --------------------------------------------------------------------------------------------------------

  #finishSending(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#stream.end();
  }

  /** Closes when the command in progress is answered; when there is none, after the next one, or at once where nobody has the patience for that. */
  drain(patienceMs: number): void {
    this.#draining = true;
    if (patienceMs === 0 && !this.#isBusy()) this.#finishSending();
  }

  /** Ends what is in progress with a failure, and the connection. */
  abandon(failure: Failure): void {
    const ex = this.#exchange;
    if (ex !== null && !ex.answered) this.#world.handler.refuse(ex, failure);
    else if (ex !== null) this.#cancel(failure);
    this.#closing = true;
    if (!this.#closed) this.#stream.destroy();
  }

  // Programs that send all they have and then wait for the answers are common: `printf … | nc`.
  onEnd(): void {
    this.#world.loop.tick();
    this.#ended = true;
    this.#proceed();
  }

  onClose(): void {
    const { figures, loop } = this.#world;
    loop.tick();
    this.#closed = true;
    this.#closing = true;
    loop.wheel.cancel(this.#timer);
    if (this.#exchange !== null) this.#cancel(new Failure(causes.clientGone));
    figures.closed(loop.nowMs - this.#openedMs, this.#served);
    this.#world.gone(this);
  }

  #cancel(failure: Failure): void {
    const ex = this.#exchange;
    if (ex === null) return;
    this.#exchange = null;
    this.#world.handler.cancelled(ex, failure);
    this.#world.loop.exchanges.give(ex);
  }

  // ---- Time ----------------------------------------------------------------------------------------------------------

  #limitMs(): number {
    const { idleMs, stallMs } = this.#world.limits;
    const stalls = this.#reader.waiting > 0 || this.#stream.lent || this.#closing;
    return stalls ? stallMs : idleMs;
  }

  #watch(): void {
    const { limits, loop } = this.#world;
    const shortest = Math.min(...[limits.idleMs, limits.stallMs].filter((ms) => ms > 0));
    if (shortest < Number.POSITIVE_INFINITY) loop.wheel.arm(this.#timer, shortest);
  }

  onTimer(): void {
    const nowMs = this.#world.loop.tick();
    const limitMs = this.#limitMs();
    const waits = this.#exchange !== null && !this.#stream.lent; // for the service, which has limits of its own
    if (waits || limitMs === 0 || nowMs - this.#sinceMs < limitMs) {
      this.#watch();
      return;
    }
    if (this.#exchange !== null) this.#cancel(new Failure(causes.clientStalled));
    this.#stream.destroy();
  }
}

/** Whoever reads answers by their first word. */
function errorWord(ex: Exchange, failure: Failure): string {
  const { category } = failure.cause;
  if (category === "unidentified" && (ex.request as Command).keys().length > 1) return "CROSSSLOT";
  return category === "overload" ? "TRYAGAIN" : "ERR";
}

function statusOf({ cause, detail }: Failure): number {
  const { category } = cause;
  if (category === "refused") return Number(detail["status"] ?? 403);
  if (category === "unidentified") return 400;
  return category === "overload" || category === "timeout" ? 503 : 502;
}
