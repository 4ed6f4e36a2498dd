// Overrides that arrive in headers, parsed once each. The texts come from callers, so the memory of them is bounded.
import type { Clock } from "../../base/clock.ts";

/** Why an override was refused, with the offset of the offending character. */
export interface DtabRefusal {
  readonly message: string;
  readonly offset: number;
}

const REMEMBERED = 1000;

/** Parses override texts into their canonical form. */
export class LocalDtabs {
  readonly #parse: (text: string) => string | DtabRefusal;
  readonly #clock: Clock;
  readonly #known = new Map<string, string | DtabRefusal>();

  /** @param parse gives the canonical text of a dtab, or why it is none. */
  constructor(parse: (text: string) => string | DtabRefusal, clock: Clock) {
    this.#parse = parse;
    this.#clock = clock;
  }

  parse(text: string): string | DtabRefusal {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const parsed = this.#parse(text);
    if (this.#known.size >= REMEMBERED) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(text, parsed);
    return parsed;
  }

  /** Wall clock, for the timestamp header. */
  epochMs(): number {
    return this.#clock.epochMs();
  }
}
