// What `/admin/metrics.json` has and `/metrics` has not, each with the reason. Everything else is there; a test sees to it.

/** Metrics that are left out. */
export interface Omission {
  /** How the pattern ends. */
  readonly ending: string;
  /** Those whose last scope is such; all, if there is none. */
  readonly only?: RegExp;
  /** Half a sentence. */
  readonly reason: string;
}

export const OMISSIONS: readonly Omission[] = [
  {
    ending: "/status/<code>",
    only: /^[1-5]XX$/,
    reason: 'classes would count every answer twice in a sum over `status`; ask for `status=~"5.."`',
  },
  { ending: "/retries/backoffs_exhausted", reason: "always 0, and there only because Linkerd has it" },
];

/** Whether something of a pattern of the catalogue is left out. */
export function omissionOf(pattern: string): Omission | undefined {
  return OMISSIONS.find(({ ending }) => pattern.endsWith(ending));
}
