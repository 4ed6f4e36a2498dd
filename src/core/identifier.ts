// Names from requests. An identifier works in two steps, so that the second is done once per name and not per request.
import type { Exchange } from "./exchange.ts";

/** Derives a logical name from a request (linkerd1 §2.1.4). */
export interface Identifier {
  readonly kind: string;
  /** What of the request decides its name; null when this identifier does not apply. Runs per request. */
  key(ex: Exchange): string | null;
  /** The name for a key, as path text. */
  path(key: string): string;
  /** Changes the request on its way, once identified (a consumed path); most do nothing. */
  apply(ex: Exchange): void;
}
