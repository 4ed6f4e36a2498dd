// @hot The load of one endpoint under an aperture: requests in progress, and since when there have been none.
import type { LoadCell } from "../core/picker.ts";
import type { LoadBand } from "./load-band.ts";

export class ApertureCell implements LoadCell {
  pending = 0;
  /** The place of the node among all, by chance, the same as long as it is there. */
  readonly token: number;
  /** It has carried requests since its idle sessions were last given up. */
  used = false;
  idleSinceMs = 0;
  /** Of the group it is in, or was last in; null where nothing is resized. */
  #band: LoadBand | null = null;

  constructor(token: number) {
    this.token = token;
  }

  get load(): number {
    return this.pending;
  }

  start(nowMs: number): void {
    this.pending++;
    this.used = true;
    if (this.#band !== null) this.#band.add(1, nowMs);
  }

  end(nowMs: number): void {
    this.pending--;
    if (this.pending === 0) this.idleSinceMs = nowMs;
    if (this.#band !== null) this.#band.add(-1, nowMs);
  }

  answered(): void {
    // It is counted, whatever it does.
  }

  left(nowMs: number): void {
    this.end(nowMs);
  }

  weigh(): void {
    // The count is always up to date.
  }

  /** Its requests count for this band from now on, those in progress too. What has left goes on counting where it was. */
  join(band: LoadBand): void {
    if (this.#band === band) return;
    if (this.#band !== null) this.#band.total -= this.pending;
    band.total += this.pending;
    this.#band = band;
  }
}
