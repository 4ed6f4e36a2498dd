// What code of a plug-in that threw becomes: an error that carries the failure of the exchange concerned.
import type { Failure } from "./failure.ts";

/** Thrown where the failure cannot be returned; it has been counted and logged. */
export class PluginError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}
