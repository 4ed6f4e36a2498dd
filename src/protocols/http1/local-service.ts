// A web service of our own on the server half: what the router is to the proxy's servers, this is to the admin server's.
import type { Attempt } from "../../core/attempt.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { Failure } from "../../core/failure.ts";
import { failureStatus } from "../http/failure-answer.ts";
import { HttpHead } from "../http/head.ts";
import { type LocalAnswer, LocalProblem, type LocalRequest, problemAnswer } from "./local-answer.ts";
import { LocalCall, type LocalWorld } from "./local-call.ts";

/** What a service is made of. */
export interface LocalServiceParts extends Omit<LocalWorld, "head"> {
  /** Requests in progress; those beyond are refused. */
  readonly maxConcurrent: number;
  /** Answers, or throws a `LocalProblem`. */
  serve(request: LocalRequest): LocalAnswer | Promise<LocalAnswer>;
}

/** Leads every exchange of its listener to an answer of ours. */
export class LocalService implements ExchangeHandler {
  readonly #parts: LocalServiceParts;
  readonly #world: LocalWorld;
  #active = 0;

  constructor(parts: LocalServiceParts) {
    this.#parts = parts;
    this.#world = { ...parts, head: new HttpHead() };
  }

  /** Requests in progress. */
  get active(): number {
    return this.#active;
  }

  accept(ex: Exchange): void {
    const { maxConcurrent, serve } = this.#parts;
    const call = this.#begin(ex);
    if (this.#active <= maxConcurrent) call.serve(serve);
    else call.answer(problemAnswer(new LocalProblem(503, `already ${maxConcurrent} requests in progress; try again`)));
  }

  refuse(ex: Exchange, failure: Failure): void {
    if (ex.answered) return ex.downstream.fail(ex, failure);
    const call = callOf(ex) ?? this.#begin(ex);
    return call.answer(problemAnswer(new LocalProblem(failureStatus(failure), failure.message)));
  }

  finished(ex: Exchange): void {
    this.#end(ex);
  }

  cancelled(ex: Exchange, _failure: Failure): void {
    this.#end(ex);
  }

  #begin(ex: Exchange): LocalCall {
    this.#active++;
    return new LocalCall(ex, this.#world);
  }

  #end(ex: Exchange): void {
    callOf(ex)?.over();
    this.#active--;
    const attempt = ex.attempt as Attempt; // every exchange gets a call before it can end
    ex.attempt = null;
    this.#world.loop.attempts.give(attempt);
  }
}

function callOf(ex: Exchange): LocalCall | null {
  const upstream = ex.attempt?.upstream;
  return upstream instanceof LocalCall ? upstream : null;
}
