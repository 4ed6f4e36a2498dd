// What a health check asks, and how the answer is judged. Small enough to know no protocol's codec.

/** A request, and who judges the answer to it. */
export interface Question {
  /** The request. It stays as it is, for it may be sent many times at once. */
  readonly bytes: Buffer;
  /** Someone new for each answer. */
  judge(): Judge;
}

export interface Judge {
  /**
   * More of the answer; the chunk is the judge's to keep.
   * @returns what is wrong; null when all is well; undefined when there is more to come.
   */
  read(chunk: Buffer): string | null | undefined;
}
