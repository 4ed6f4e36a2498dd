// @hot How much nonsense a peer may send: frames that cost it next to nothing and us work (floods of PING, SETTINGS, empty DATA, …), and
// streams that it opens only to break them (CVE-2023-44487 and its kin). Honest work pays for some of it.

/** So many cheap frames in a row, and so many more per second. */
const CHEAP_FRAMES = 1000;
const CHEAP_PER_SECOND = 200;

/** What one peer has left. */
export class Glitches {
  #cheap = CHEAP_FRAMES;
  #cheapAtMs = 0;
  #resets = 0;
  #resetsAtMs = 0;
  readonly #maxResetsPerMinute: number;

  /** @param maxResetsPerMinute 0 = no bound. */
  constructor(maxResetsPerMinute: number, nowMs: number) {
    this.#maxResetsPerMinute = maxResetsPerMinute;
    this.#cheapAtMs = nowMs;
    this.#resetsAtMs = nowMs;
  }

  /** A cheap frame; false when it was one too many. */
  cheapFrame(nowMs: number): boolean {
    if (this.#cheap < CHEAP_FRAMES / 2) {
      this.#cheap = Math.min(CHEAP_FRAMES, this.#cheap + ((nowMs - this.#cheapAtMs) / 1000) * CHEAP_PER_SECOND);
      this.#cheapAtMs = nowMs;
    } else if (this.#cheap >= CHEAP_FRAMES - 1) {
      this.#cheapAtMs = nowMs;
    }
    return --this.#cheap >= 0;
  }

  /** Something useful has come: a message, or a part of one. Clients probe bandwidth with a PING for each. */
  usefulFrame(): void {
    if (this.#cheap < CHEAP_FRAMES) this.#cheap++;
  }

  /** A stream ended before it was answered, by the peer's wish or its mistake; false when it was one too many. */
  brokenStream(nowMs: number): boolean {
    if (this.#maxResetsPerMinute === 0) return true;
    this.#resets = Math.max(0, this.#resets - ((nowMs - this.#resetsAtMs) / 60_000) * this.#maxResetsPerMinute);
    this.#resetsAtMs = nowMs;
    return ++this.#resets <= this.#maxResetsPerMinute;
  }
}
