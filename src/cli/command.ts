// What a command is: data from which arguments are read and help is printed, and the module that does it.
import type { Terminal } from "./terminal.ts";

/** Exit codes of all commands. */
export const Exit = {
  /** It was done. */ ok: 0,
  /** It could not be done, or the answer is no. */ failed: 1,
  /** It was asked for in a way that makes no sense. */ usage: 2,
} as const;

/** One `--option`. */
export interface Option {
  readonly doc: string;
  /** What stands for its value in help, such as `FILE`; without it the option is a switch. */
  readonly value?: string;
  /** Left out of help: one process of ours starts another with it. */
  readonly hidden?: true;
}

/** An argument that is known by its place. */
export interface Operand {
  readonly name: string;
  readonly doc: string;
  readonly optional?: true;
}

export interface Example {
  readonly line: string;
  readonly says: string;
}

/** Does the work; returns the exit code. */
export type Action = (given: Given, terminal: Terminal) => Promise<number>;

/** One command. */
export interface Command {
  /** One word, or two: `dtab explain`. */
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** More, for its own help. */
  readonly details?: string;
  readonly operands: readonly Operand[];
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly Example[];
  /** Loads the module, so that each command costs only what it needs. */
  readonly load: () => Promise<Action>;
}

/** Why a command line makes no sense, or why a command cannot go on. The message is for people. */
export class CommandProblem extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = Exit.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The arguments of one call. */
export class Given {
  readonly #operands: readonly string[];
  readonly #options: ReadonlyMap<string, string | true>;

  constructor(operands: readonly string[], options: ReadonlyMap<string, string | true>) {
    this.#operands = operands;
    this.#options = options;
  }

  /** The operand at a place, if it was given. */
  operand(at: number): string | undefined {
    return this.#operands[at];
  }

  /** An operand that the command requires; it was checked to be there. */
  required(at: number): string {
    return this.#operands[at] ?? "";
  }

  /** The value of an option. */
  value(name: string): string | undefined {
    const value = this.#options.get(name);
    return value === true ? undefined : value;
  }

  /** A switch, or whether an option was given at all. */
  has(name: string): boolean {
    return this.#options.has(name);
  }
}
