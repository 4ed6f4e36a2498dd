// What is wrong with files that discovery reads, told once when it begins and once when it is over.

/** The problems of some files. */
export class Problems {
  readonly #began: (problem: string) => void;
  readonly #over: (file: string) => void;
  readonly #current = new Map<string, string>();

  /** @param began is told what is wrong, with the file's name in it. @param over is told of a file that is in order again. */
  constructor(began: (problem: string) => void, over: (file: string) => void) {
    this.#began = began;
    this.#over = over;
  }

  /** What is wrong with a file now; undefined when nothing is. */
  are(file: string, problem: string | undefined): void {
    const before = this.#current.get(file);
    if (before === problem) return;
    if (problem === undefined) {
      this.#current.delete(file);
      this.#over(file);
    } else {
      this.#current.set(file, problem);
      this.#began(problem);
    }
  }
}
