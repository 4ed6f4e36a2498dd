// "I did not process this": what an answer may say besides its status (finagle §6.1).

/** `hinted`: another program's way to say it, which its caller may still want to see. */
export const Nack = { none: 0, hinted: 1, retryable: 2, final: 3 } as const;
export type Nack = (typeof Nack)[keyof typeof Nack];
