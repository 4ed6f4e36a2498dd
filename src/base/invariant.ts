// Our own promises. What comes from outside is answered and counted instead (style guide, 8).

/** A promise this program made to itself was broken: a bug here, not a fault of a peer or of the configuration. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/**
 * Stops loudly when `ok` is false.
 * @param why why we believed it, in words that help whoever reads the stack trace.
 */
export function invariant(ok: boolean, why: string): asserts ok {
  if (!ok) throw new InvariantViolation(why);
}
