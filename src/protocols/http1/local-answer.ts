// Requests that this process answers itself, and their answers, as whoever serves them sees it.
import { Framing, type HttpHead } from "../http/head.ts";
import { reasonFor } from "../http/reasons.ts";
import { answerFraming, type HeadLimits, parseAnswerHead } from "./codec/parse-head.ts";

/** A request that this process answers itself. It outlives its connection. */
export interface LocalRequest {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minor: number;
  /** The first value of a header; names in lower case. `host` is the authority of an absolute target, if there is one. */
  header(name: string): string | undefined;
  /** All of the head, as it was sent. Only until it is answered. */
  head(): string;
  /** Reads the body. Rejects with `LocalProblem` when it is too large or the caller leaves. An answer may be given without reading it. */
  body(): Promise<Buffer>;
}

/** An answer. */
export interface LocalAnswer {
  readonly status: number;
  /** Values are ours: visible ASCII. Length, coding and date are added. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text in one piece, or pieces that are made while they are sent, a few in each turn of the event loop. */
  readonly body: string | Iterable<string>;
}

/** Why a request cannot be served, with the status that says so. Thrown by whoever serves it; answered in words. */
export class LocalProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A problem as an answer. */
export function problemAnswer(problem: LocalProblem): LocalAnswer {
  const headers = { "Content-Type": "text/plain; charset=utf-8" };
  return { status: problem.status, headers, body: `${problem.message}\n` };
}

/**
 * Composes the head of an answer the way an upstream would have sent it, so that the server half treats it like any other.
 * @param bytes length of the body, or null when it is sent in pieces.
 */
export function composeHead(
  head: HttpHead,
  answer: LocalAnswer,
  bytes: number | null,
  epochMs: number,
  toHead: boolean,
): HttpHead {
  const length = bytes === null ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
  const fields = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const date = new Date(epochMs).toUTCString();
  return parsed(head, `${statusLine(answer.status)}${fields.join("")}Date: ${date}\r\n${length}\r\n\r\n`, toHead);
}

/** The head of `100 Continue`. */
export function continueHead(head: HttpHead): HttpHead {
  return parsed(head, `${statusLine(100)}\r\n`, false);
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reasonFor(status)}\r\n`;
}

function parsed(head: HttpHead, text: string, toHead: boolean): HttpHead {
  const bytes = Buffer.from(text, "latin1");
  head.reset();
  head.framing = Framing.none;
  head.begin(bytes, 0);
  if (parseAnswerHead(head, bytes.length, OURS) !== 0 || answerFraming(head, toHead) !== 0) {
    throw new Error(`an answer of ours has a malformed head: ${text}`);
  }
  return head;
}

const OURS: HeadLimits = { maxLineBytes: 256, maxFieldsBytes: 16 * 1024, maxFields: 64 };
