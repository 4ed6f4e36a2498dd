// What every step of checking a file needs.
import { type TextFormats } from "./formats.ts";
import { type Problems } from "./problems.ts";
import { type Mode } from "./spec.ts";

export interface Reading {
  readonly mode: Mode;
  readonly formats: TextFormats;
  readonly problems: Problems;
}
