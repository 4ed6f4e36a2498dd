// How far one binding may go. Names come from requests, so a dtab that rewrites in circles, or doubles at every step, must end soon and the same
// way every time.

/** Rewriting steps in a row (Finagle `Namer.bind`): one more is a failure, not "no such name". */
export const MAX_DEPTH = 100;
/** Trees inside trees over all steps, so that no dtab can exhaust the stack. */
const MAX_LEVELS = 500;
/** Look-ups in one binding over all its alternatives and branches. */
const MAX_LOOKUPS = 20_000;

/**
 * What is left to one place in a binding. It depends on the place only, never on what was evaluated before, so re-evaluating a part gives what
 * evaluating everything would have given.
 */
export interface Budget {
  readonly depth: number;
  readonly levels: number;
  readonly lookups: number;
}

export const wholeBudget: Budget = { depth: MAX_DEPTH, levels: MAX_LEVELS, lookups: MAX_LOOKUPS };

/** The budget after a path look-up. */
export function afterLookup(budget: Budget): Budget {
  return { depth: budget.depth - 1, levels: budget.levels - 1, lookups: budget.lookups - 1 };
}

/** The budget of each of `count` branches: they share the look-ups, and thereby all look-ups of a binding together stay within the whole. */
export function shared(budget: Budget, count: number): Budget {
  return { depth: budget.depth, levels: budget.levels - 1, lookups: Math.floor(budget.lookups / Math.max(1, count)) };
}

const SHOWN_CHARS = 120;

/** Why `path` may not be looked up any more, or undefined if it may. */
export function overdrawn(budget: Budget, path: { show(): string }): string | undefined {
  if (budget.depth < 0)
    return `more than ${MAX_DEPTH} rewriting steps, at ${shortened(path)}: does an entry lead back to its own prefix?`;
  if (budget.levels < 0) return `names nested too deeply, at ${shortened(path)}`;
  if (budget.lookups < 0) return `more than ${MAX_LOOKUPS} alternatives and branches, at ${shortened(path)}`;
  return undefined;
}

function shortened(path: { show(): string }): string {
  const text = path.show();
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
