// `io.l5d.header.token`: one header's value as one segment, verbatim (linkerd1 §2.1.4). The default, on Host.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import type { HttpHead } from "../head.ts";

/** `<prefix>/<value of the header>`; missing or empty: unidentified. */
export class HeaderTokenIdentifier implements Identifier {
  readonly kind = "io.l5d.header.token";
  readonly #prefix: string;
  readonly #header: string;

  /** @param header in any case. */
  constructor(prefix: string, header: string) {
    this.#prefix = prefix;
    this.#header = header.toLowerCase();
  }

  key(ex: Exchange): string | null {
    const head = ex.request as HttpHead; // an identifier of the HTTP family
    const value = this.#header === "host" ? head.host : head.get(this.#header);
    return value === undefined || value === "" ? null : value;
  }

  path(key: string): string {
    return `${this.#prefix}/${showSegment(key)}`;
  }

  apply(): void {}
}
