// `kind: none`: an endpoint is never dead.
import { type AccrualPolicy, STAY } from "./policy.ts";

/** Remembers nothing, so all endpoints may share it. */
export const never: AccrualPolicy = {
  succeeded: () => undefined,
  failed: () => STAY,
  spared: () => undefined,
  revived: () => undefined,
};
