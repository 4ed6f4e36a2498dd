// `io.l5d.path`: the first segments of the URI path (linkerd1 §2.1.4), which may be consumed on the way.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import type { HttpHead } from "../head.ts";

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
    const target = (ex.request as HttpHead).target; // an identifier of the HTTP family
    const end = this.#end(target);
    return end < 0 ? null : target.slice(0, end);
  }

  /** Where the wanted segments end in the target, or -1. */
  #end(target: string): number {
    const query = target.indexOf("?");
    const length = query < 0 ? target.length : query;
    let at = 0;
    for (let i = 0; i < this.#segments; i++) {
      if (at >= length || target[at] !== "/") return -1;
      let end = target.indexOf("/", at + 1);
      if (end < 0 || end > length) end = length;
      if (end === at + 1) return -1;
      at = end;
    }
    return at;
  }

  path(key: string): string {
    const segments = key.slice(1).split("/");
    return this.#prefix + segments.map((s) => `/${showSegment(s)}`).join("");
  }

  apply(ex: Exchange): void {
    if (!this.#consume) return;
    const head = ex.request as HttpHead; // an identifier of the HTTP family
    const rest = head.target.slice(this.#end(head.target));
    head.newTarget = rest.startsWith("/") ? rest : `/${rest}`;
  }
}
