// Golden vectors: input, and what comes of it.
import { readFileSync } from "node:fs";

interface Vector {
  readonly name: string;
  /** The rule, or the attack. */
  readonly why: string;
  /** One character per byte; in parts only for reading. */
  readonly input: readonly string[];
}

/** What a caller sends. */
export interface RequestVector extends Vector {
  /** The requests that are whole and in order, one after the other. */
  readonly messages: readonly {
    readonly method: string;
    readonly target: string;
    readonly version: string;
    /** Fields among those that are forwarded. */
    readonly fields?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly trailers?: readonly (readonly [string, string])[];
  }[];
  /** Why what follows is refused. */
  readonly refusal?: string;
  /** The message was in order as far as its framing goes, so that the connection stays. */
  readonly kept?: boolean;
  /** The head was in order and could be forwarded already, with so much of the body. */
  readonly begun?: string;
}

/** What a service answers. */
export interface AnswerVector extends Vector {
  readonly method?: string;
  /** The service closes its side behind it. */
  readonly close?: boolean;
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly trailers?: readonly (readonly [string, string])[];
  readonly interim?: readonly number[];
  readonly refusal?: string;
  /** The head was in order: the caller has it, and sees the body break off. */
  readonly broken?: boolean;
  /** May the connection be used again? */
  readonly reused?: boolean;
}

function read<V>(file: string): V[] {
  return JSON.parse(readFileSync(new URL(`../golden/http1/${file}`, import.meta.url), "utf8")) as V[]; // our own files
}

export const requestVectors = (): RequestVector[] => read("requests.json");
export const answerVectors = (): AnswerVector[] => read("answers.json");
