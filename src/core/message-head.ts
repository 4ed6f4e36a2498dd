// What is common to the heads (and trailers) of all protocols.

/** Named fields of a message. Protocols know their own richer form; this one is for policy, bridges and people. */
export interface MessageHead {
  /** The first value of a field, or undefined. Names in lower case. */
  get(name: string): string | undefined;
  /** Calls `visit` for every field in order, names in lower case. */
  each(visit: (name: string, value: string) => void): void;
  /** A copy that lasts: what comes with a callback is valid during it only. */
  kept(): MessageHead;
}
