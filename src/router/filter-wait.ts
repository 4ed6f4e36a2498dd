// A request that waits for a request filter to make up its mind.
import type { Exchange, Keeper } from "../core/exchange.ts";

/** Why a filter lets a request go no further. */
export interface Refusal {
  /** 400 to 599. */
  readonly status: number;
  readonly message: string;
}

/** Hears how it ended, unless the exchange ended before. */
export interface FilterWaitOwner {
  settled(ex: Exchange, refusal: Refusal | undefined): void;
  threw(ex: Exchange, error: unknown): void;
}

/** Keeps one exchange until a promise is settled. */
export class FilterWait implements Keeper {
  #ex: Exchange | null;

  constructor(ex: Exchange, mind: Promise<Refusal | undefined>, owner: FilterWaitOwner) {
    this.#ex = ex;
    mind.then(
      (refusal) => this.#over((kept) => owner.settled(kept, refusal)),
      (error: unknown) => this.#over((kept) => owner.threw(kept, error)),
    );
  }

  /** The exchange ended otherwise; what the filter says no longer matters. */
  release(ex: Exchange): void {
    ex.keeper = null;
    this.#ex = null;
  }

  #over(tell: (ex: Exchange) => void): void {
    const ex = this.#ex;
    if (ex === null) return;
    this.#ex = null;
    ex.keeper = null;
    tell(ex);
  }
}
