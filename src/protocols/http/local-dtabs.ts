// Overrides that arrive in headers, parsed once each. The texts come from callers, so the memory of them is bounded.
import type { Clock } from "../../base/clock.ts";

/** Why an override was refused, with the offset of the offending character. */
export interface DtabRefusal {
  readonly message: string;
  readonly offset: number;
}

/** So many texts are remembered at most, and so many characters of them, whoever makes them up. */
const MAX_TEXTS = 1000;
const MAX_CHARACTERS = 1_000_000;

/** Parses override texts into their canonical form. */
export class LocalDtabs {
  readonly #parse: (text: string) => string | DtabRefusal;
  readonly #clock: Clock;
  /** The longest known first. */
  readonly #known = new Map<string, string | DtabRefusal>();
  #characters = 0;

  /** @param parse gives the canonical text of a dtab, or why it is none. */
  constructor(parse: (text: string) => string | DtabRefusal, clock: Clock) {
    this.#parse = parse;
    this.#clock = clock;
  }

  parse(text: string): string | DtabRefusal {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const parsed = this.#parse(text);
    this.#known.set(text, parsed);
    this.#characters += text.length;
    if (this.#known.size > MAX_TEXTS || this.#characters > MAX_CHARACTERS) this.#forget();
    return parsed;
  }

  #forget(): void {
    for (const text of this.#known.keys()) {
      if (this.#known.size <= MAX_TEXTS && this.#characters <= MAX_CHARACTERS) return;
      this.#known.delete(text);
      this.#characters -= text.length;
    }
  }

  /** Wall clock, for the timestamp header. */
  epochMs(): number {
    return this.#clock.epochMs();
  }
}
