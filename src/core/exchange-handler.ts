// What a server half hands its exchanges to: the router, as protocols see it.
import type { Exchange } from "./exchange.ts";
import type { Failure } from "./failure.ts";

/** Takes requests and leads each to exactly one answer, `ex.downstream.answer` or `ex.downstream.fail`; never throws. */
export interface ExchangeHandler {
  /** A request that the protocol found in order. */
  accept(ex: Exchange): void;
  /** A request that the protocol refuses: it is counted, logged and answered with the failure. */
  refuse(ex: Exchange, failure: Failure): void;
  /** The answer has been handed over completely. The exchange is recycled when this returns. */
  finished(ex: Exchange): void;
  /** The caller is gone, or its connection broke: all work for it stops. The exchange is recycled when this returns. */
  cancelled(ex: Exchange, failure: Failure): void;
}
