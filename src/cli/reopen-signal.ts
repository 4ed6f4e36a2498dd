// SIGUSR2, by which programs that move log files away have them opened again. (SIGUSR1 starts the debugger of Node.)

/** Listens for the signal from the start: without a listener it would end the process. */
export class ReopenSignal {
  #act: (() => void) | null = null;
  readonly #onSignal = (): void => this.#act?.();

  constructor() {
    process.on("SIGUSR2", this.#onSignal);
  }

  /** Says what to do from now on; before, no file is open. */
  tell(act: () => void): void {
    this.#act = act;
  }

  [Symbol.dispose](): void {
    process.off("SIGUSR2", this.#onSignal);
  }
}
