// One request and its one answer, as the protocol-neutral parts of the proxy see it.
import type { Attempt } from "./attempt.ts";
import type { BodySink, BodySource } from "./body.ts";
import type { Classifier } from "./classifier.ts";
import { combineDeadlines, type Deadline } from "./deadline.ts";
import type { Destination } from "./destination.ts";
import type { ExactLimit } from "./exact-limit.ts";
import type { ExchangeHandler } from "./exchange-handler.ts";
import type { Failure } from "./failure.ts";
import type { Stack, Staged } from "./filter.ts";
import type { Limit } from "./limit.ts";
import type { MessageHead } from "./message-head.ts";
import { Nack } from "./nack.ts";
import { Outcome } from "./outcome.ts";
import { TraceId } from "./trace-id.ts";
import { Tunnel } from "./tunnel.ts";

/** The downstream half of one exchange: source of the request's body, sink of the answer's. */
export interface Downstream extends BodySink, BodySource {
  /** `host:port` of the caller. */
  readonly remote: string;
  /** An interim answer (HTTP 1xx); may come several times, before `answer`. */
  inform(ex: Exchange, head: MessageHead): void;
  /** Writes the head of the answer; its body follows through the sink. */
  answer(ex: Exchange, head: MessageHead): void;
  /** Answers with a failure in the protocol's own form, and completes the exchange. */
  fail(ex: Exchange, failure: Failure): void;
  /** Answers by itself, with a status and no more (`/$/io.buoyant.http.status/503`), and completes the exchange. */
  canned(ex: Exchange, status: number): void;
  /** Can the request's body be sent again from its beginning? */
  canReplay(): boolean;
  /** Has all of the request gone to an attempt, or is waiting to? */
  readonly requestPassed: boolean;
}

/** The logical name an exchange was bound by: its policy, and its place in the path cache. */
export interface PathStage {
  /** `/svc/users`. */
  readonly service: string;
  readonly stack: Stack<Exchange>;
  /** So much of a request's body is kept, so that it can be sent again. */
  readonly replayBytes: number;
  /** Says which answers are failures. */
  readonly classifier: Classifier;
}

/** Whoever keeps an exchange waiting and must let go when it is cancelled. */
export interface Keeper {
  release(ex: Exchange): void;
}

/** Levels of `Exchange.stages`: one for each stack an exchange passes. */
export const ExchangeLevel = { server: 0, path: 1, client: 2 } as const;

/**
 * One request and its one answer; pooled; owned by the connection that accepted it.
 * Whatever crosses an event-loop turn remembers `generation` too and checks it.
 */
export class Exchange implements Staged {
  generation = 0;
  readonly stages = [0, 0, 0];

  downstream: Downstream = nobody;
  request: MessageHead = noHead;
  /** The head of the answer, while request filters see it go up. */
  answerHead: MessageHead | null = null;
  /** Monotonic arrival time. */
  startMs = 0;
  /** Sending it twice does no harm (RFC 9110 §9.2.2). */
  idempotent = false;
  /** It asks and changes nothing (RFC 9110 §9.2.1). */
  safe = false;
  /** Has it a body at all? */
  hasBody = false;
  /** Does it become a tunnel? Once its head was sent to an endpoint, such a request is sent to no other. */
  tunnel: Tunnel = Tunnel.none;

  /** The override that came with the request, as dtab text, `""` when none. */
  localDtab = "";
  /** It came with one, whatever has become of it. */
  broughtOverride = false;
  readonly trace = new TraceId();
  /** The server's and the service's limits in time, when they are set. */
  serverLimit: Limit<Exchange> | null = null;
  totalLimit: Limit<Exchange> | null = null;
  /** Of one try, and of the wait before the next. */
  tryLimit: ExactLimit<Exchange> | null = null;
  deadline: Deadline | null = null;
  /** Of a deadline that is enforced. */
  deadlineLimit: ExactLimit<Exchange> | null = null;
  /** Deadlines are enforced here. */
  keepsDeadlines = false;
  /** How long the caller waits, where it says so as a length (gRPC: `grpc-timeout`), ms; NaN when it does not. */
  callTimeoutMs = Number.NaN;
  /** The deadline is for all of the answer and not its beginning alone (gRPC). */
  deadlineOfWhole = false;
  /** Values of context headers (deadlines, sampling) that could not be read and count as absent. */
  unreadable = 0;
  /** What the caller gave us to work with, counted from arrival, ms; NaN when nothing was said. */
  budgetMs = Number.NaN;
  /** Memory for a deadline that is made here. */
  #arrivedMs = 0;
  readonly #ownDeadline = { timestampMs: 0, timestampRestNs: 0, deadlineMs: 0, deadlineRestNs: 0, received: false };

  /** Who took it in, and sees it to its end although the server may have another by then. */
  handler: ExchangeHandler | null = null;
  /** The stack of the server it came in by. */
  server: Stack<Exchange> | null = null;
  /** Its logical name, once identified. */
  path: PathStage | null = null;
  /** Where it is going, once bound. */
  destination: Destination | null = null;
  /** The stack of the client it was given to. */
  client: Stack<Exchange> | null = null;
  keeper: Keeper | null = null;
  attempt: Attempt | null = null;
  /** The attempt before, while it is still under way beside `attempt`: one of the two will answer (hedging). */
  rival: Attempt | null = null;
  /** When a second attempt is made beside the first. */
  hedgeLimit: ExactLimit<Exchange> | null = null;
  /** Attempts made so far, requeues included. */
  attempts = 0;
  /** `host:port` of the endpoint of the last attempt, `""` before there was one. */
  endpoint = "";

  /** Has the answer's head been passed downstream? */
  answered = false;
  /** The status the caller sees (HTTP code), 0 before that. */
  status = 0;
  /** What the service itself made of the call, told behind the answer's body (gRPC: `grpc-status`); -1 when it was not told. */
  callStatus = -1;
  failure: Failure | null = null;
  outcome: Outcome = Outcome.success;
  /** The classifier waits for the end of the answer; until then it counts as a success. */
  undecided = false;
  /** The classifier thinks that the failure is worth another try. */
  retryable = false;
  /** The service says that it has not worked on it. */
  nack: Nack = Nack.none;
  /** When it came to the client it is with now; and does it take up a place there? */
  sentMs = 0;
  hasPlace = false;
  /** How often it was sent again as a whole, and how long the last of these retries waited, ms. */
  retries = 0;
  retryDelayMs = 0;
  /** What the service says of the next try (gRPC: `grpc-retry-pushback-ms`): after so many ms; 0 nothing, -1 not at all. */
  pushbackMs = 0;
  /** `attempts` when it came to the client it is with now. */
  attemptsBefore = 0;
  /** What a proxy nearer to the service made of the answer (`l5d-success-class`); it counts for the server's statistics. */
  verdict: Outcome | null = null;
  /** Milliseconds from arrival to the answer's head; NaN before that. */
  latencyMs = Number.NaN;
  /** What was decided for it and why, in words; null unless it is sampled. */
  notes: string[] | null = null;
  /** What filters keep for it (`Slot`); null before the first of them did. */
  slots: unknown[] | null = null;
  /** Body bytes passed, for the access log. */
  requestBytes = 0;
  responseBytes = 0;

  /** The deadline is enforced here: it is told by our clock, and what has passed of it is passed on. */
  get deadlineKept(): boolean {
    return this.keepsDeadlines && this.deadline === this.#ownDeadline;
  }

  /** The work must be done `timeoutMs` from now on; a limit that it has already may be earlier. @param nowMs monotonic, of `epochMs`. */
  limitTo(epochMs: number, timeoutMs: number, nowMs: number): void {
    if (this.deadline !== null && this.deadline !== this.#ownDeadline) {
      const deadlineMs = epochMs + timeoutMs;
      const own = { timestampMs: epochMs, timestampRestNs: 0, deadlineMs, deadlineRestNs: 0, received: false };
      this.deadline = combineDeadlines(this.deadline, own); // cold: a deadline came with the request, and is shortened
      return;
    }
    const own = this.#ownDeadline;
    const known = this.deadline !== null;
    own.timestampMs = epochMs;
    if (!known) this.#arrivedMs = epochMs - (nowMs - this.startMs);
    own.deadlineMs = known ? Math.min(own.deadlineMs, epochMs + timeoutMs) : epochMs + timeoutMs;
    this.deadline = own;
  }

  /** The deadline holds by our own clock: `budgetMs` from now on. */
  keepDeadline(epochMs: number, budgetMs: number): void {
    const own = this.#ownDeadline;
    own.timestampMs = epochMs;
    own.deadlineMs = epochMs + Math.ceil(budgetMs);
    own.received = true;
    this.#arrivedMs = epochMs;
    this.deadline = own;
  }

  /** What is sent on says what is left of a deadline that is kept: its time stamp is that of the sending. */
  passTime(nowMs: number): void {
    const own = this.#ownDeadline;
    own.timestampMs = Math.min(own.deadlineMs, Math.floor(this.#arrivedMs + nowMs - this.startMs));
  }

  /** Makes the object ready for its next request. */
  reset(): void {
    this.generation++;
    this.stages[0] = 0;
    this.stages[1] = 0;
    this.stages[2] = 0;
    this.downstream = nobody;
    this.request = noHead;
    this.idempotent = false;
    this.safe = false;
    this.hasBody = false;
    this.tunnel = Tunnel.none;
    this.localDtab = "";
    this.broughtOverride = false;
    this.trace.reset();
    this.deadline = null;
    this.#ownDeadline.received = false;
    this.keepsDeadlines = false;
    this.callTimeoutMs = Number.NaN;
    this.deadlineOfWhole = false;
    this.budgetMs = Number.NaN;
    this.unreadable = 0;
    this.nack = Nack.none;
    this.sentMs = 0;
    this.hasPlace = false;
    this.handler = null;
    this.server = null;
    this.path = null;
    this.destination = null;
    this.client = null;
    this.serverLimit?.lift();
    this.totalLimit?.lift();
    this.tryLimit?.lift();
    this.deadlineLimit?.lift();
    this.keeper = null;
    this.attempt = null;
    this.rival = null;
    this.hedgeLimit?.lift();
    this.attempts = 0;
    this.endpoint = "";
    this.answered = false;
    this.status = 0;
    this.callStatus = -1;
    this.failure = null;
    this.outcome = Outcome.success;
    this.undecided = false;
    this.retryable = false;
    this.retries = 0;
    this.retryDelayMs = 0;
    this.pushbackMs = 0;
    this.attemptsBefore = 0;
    this.verdict = null;
    this.latencyMs = Number.NaN;
    this.notes = null;
    this.answerHead = null;
    if (this.slots !== null) this.slots.fill(undefined);
    this.requestBytes = 0;
    this.responseBytes = 0;
  }
}

/** A message without fields. */
export const noHead: MessageHead = { get: () => undefined, each: () => undefined, kept: () => noHead };

// A released exchange must not reach any connection: late calls land here and are loud.
function late(): never {
  throw new Error("an exchange was used after its release");
}
const nobody: Downstream = {
  remote: "?",
  inform: late,
  answer: late,
  fail: late,
  canned: late,
  canReplay: late,
  requestPassed: false,
  write: late,
  end: late,
  abort: late,
  resume: late,
  pause: late,
};
