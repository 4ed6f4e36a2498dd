// When an endpoint counts as dead, and for how long: one small policy per kind (linkerd1 §6.3).

/** What `failed` answers when the endpoint stays in use. */
export const STAY = -1;

/** Judges one endpoint; remembers its failures and its place in the backoff. */
export interface AccrualPolicy {
  succeeded(nowMs: number): void;
  /** How long the endpoint is to be dead, in milliseconds, or `STAY`. */
  failed(nowMs: number): number;
  /** `failed` marked it, and it stays in use all the same because too many others are out: the backoff starts over, failures stay. */
  spared(): void;
  /** A probe succeeded: failures are forgotten and the backoff starts over. */
  revived(nowMs: number): void;
}
