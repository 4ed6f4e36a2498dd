// A signal that asks for something: SIGHUP to read the configuration again, SIGUSR2 to open the access logs anew. (SIGUSR1 starts the debugger of Node.)

/** Listens from the start: without a listener it would end the process. */
export class Signal {
  readonly #name: NodeJS.Signals;
  #act: (() => void) | null = null;
  readonly #onSignal = (): void => this.#act?.();

  constructor(name: NodeJS.Signals) {
    this.#name = name;
    process.on(name, this.#onSignal);
  }

  /** Says what to do from now on; before, there is nothing to be done. */
  tell(act: () => void): void {
    this.#act = act;
  }

  [Symbol.dispose](): void {
    process.off(this.#name, this.#onSignal);
  }
}
