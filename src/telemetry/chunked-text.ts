// Text that is written in pieces, so that a long answer takes many short turns of the event loop.

const CHUNK_CHARACTERS = 4_096;

/** Gathers small strings; the writer hands the text over whenever `full`. */
export class ChunkedText {
  #text = "";

  add(text: string): void {
    this.#text += text;
  }

  get full(): boolean {
    return this.#text.length >= CHUNK_CHARACTERS;
  }

  /** What has gathered, which is then gone. */
  take(): string {
    const text = this.#text;
    this.#text = "";
    return text;
  }
}
