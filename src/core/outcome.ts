// What a classifier makes of an answer (linkerd1 §6.7).

/** Success, failure, or an ending that says nothing about the endpoint. */
export const Outcome = { success: 0, failure: 1, ignorable: 2 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];
