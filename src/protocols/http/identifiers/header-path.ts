// `io.l5d.header.path`: the path of a URI in a header, which for gRPC is service and method (linkerd1 §2.2).
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import type { HttpMessage } from "../message.ts";
import { type ValueReader, valueReader } from "./header-value.ts";
import { pathEnd, segmentsEnd, showSegments } from "./segments.ts";

/** `<prefix>/<first n segments>`, or all segments; with fewer, none or empty ones it is unidentified. */
export class HeaderPathIdentifier implements Identifier {
  readonly kind = "io.l5d.header.path";
  readonly #prefix: string;
  readonly #value: ValueReader;
  readonly #segments: number | null;

  /**
   * @param header in any case.
   * @param segments how many leading segments, at least 1; null for the whole path.
   */
  constructor(prefix: string, header: string, segments: number | null) {
    this.#prefix = prefix;
    this.#value = valueReader(header);
    this.#segments = segments;
  }

  key(ex: Exchange): string | null {
    const value = this.#value(ex.request as HttpMessage); // an identifier of the HTTP family
    if (value === undefined) return null;
    const end = this.#segments === null ? wholeEnd(value) : segmentsEnd(value, this.#segments);
    return end < 0 ? null : value.slice(0, end);
  }

  path(key: string): string {
    return this.#prefix + showSegments(key);
  }

  apply(): void {}
}

/** Where the whole path ends but for a slash that ends it, or -1 when it has no segments or an empty one. */
function wholeEnd(value: string): number {
  const end = pathEnd(value);
  const last = value[end - 1] === "/" ? end - 1 : end;
  if (last < 2 || value[0] !== "/") return -1;
  const empty = value.indexOf("//");
  return empty >= 0 && empty < last ? -1 : last;
}
