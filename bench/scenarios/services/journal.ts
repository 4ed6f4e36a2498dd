// What the backends have seen, by the number of the request.

export class Journal {
  #seen: number[] = [];

  /** Ids that are no numbers belong to the warm-up and are not counted. */
  enter(id: string): void {
    const index = Number(id);
    if (Number.isInteger(index)) this.#seen[index] = (this.#seen[index] ?? 0) + 1;
  }

  /** How often each request was seen; gaps are 0. */
  counts(): number[] {
    return Array.from(this.#seen, (count) => count ?? 0);
  }
}
