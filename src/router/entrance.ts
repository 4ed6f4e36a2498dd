// @hot Where the exchanges of a listener go in. A reload may put another router behind it; every exchange stays with the one that took it in.
import type { Exchange } from "../core/exchange.ts";
import type { ExchangeHandler } from "../core/exchange-handler.ts";
import type { Failure } from "../core/failure.ts";

/** Hands exchanges to whoever is in charge at their beginning. */
export class Entrance implements ExchangeHandler {
  /** Takes in what comes from now on. */
  inCharge: ExchangeHandler;

  constructor(inCharge: ExchangeHandler) {
    this.inCharge = inCharge;
  }

  accept(ex: Exchange): void {
    const handler = this.inCharge;
    ex.handler = handler;
    handler.accept(ex);
  }

  refuse(ex: Exchange, failure: Failure): void {
    (ex.handler ??= this.inCharge).refuse(ex, failure);
  }

  finished(ex: Exchange): void {
    (ex.handler ?? this.inCharge).finished(ex);
  }

  cancelled(ex: Exchange, failure: Failure): void {
    (ex.handler ?? this.inCharge).cancelled(ex, failure);
  }
}
