// `io.l5d.path`: the first segments of the URI path (linkerd1 §2.1.4), which may be consumed on the way.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import type { HttpMessage } from "../message.ts";
import { segmentsEnd, showSegments } from "./segments.ts";

/** `<prefix>/<first n segments>`; a path with fewer segments is unidentified. */
export class PathIdentifier implements Identifier {
  readonly kind = "io.l5d.path";
  readonly #prefix: string;
  readonly #segments: number;
  readonly #consume: boolean;

  constructor(prefix: string, segments: number, consume: boolean) {
    this.#prefix = prefix;
    this.#segments = segments;
    this.#consume = consume;
  }

  key(ex: Exchange): string | null {
    const target = (ex.request as HttpMessage).target; // an identifier of the HTTP family
    const end = segmentsEnd(target, this.#segments);
    return end < 0 ? null : target.slice(0, end);
  }

  path(key: string): string {
    return this.#prefix + showSegments(key);
  }

  apply(ex: Exchange): void {
    if (!this.#consume) return;
    const message = ex.request as HttpMessage; // an identifier of the HTTP family
    const rest = message.target.slice(segmentsEnd(message.target, this.#segments));
    message.newTarget = rest.startsWith("/") ? rest : `/${rest}`;
  }
}
