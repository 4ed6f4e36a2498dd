// `io.l5d.header.token`: one header's value as one segment, verbatim (linkerd1 §2.1.4, §2.2). The default, on Host or `:authority`.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import type { HttpMessage } from "../message.ts";
import { type ValueReader, valueReader } from "./header-value.ts";

/** `<prefix>/<value of the header>`; missing or empty: unidentified. */
export class HeaderTokenIdentifier implements Identifier {
  readonly kind = "io.l5d.header.token";
  readonly #prefix: string;
  readonly #value: ValueReader;

  /** @param header in any case. */
  constructor(prefix: string, header: string) {
    this.#prefix = prefix;
    this.#value = valueReader(header);
  }

  key(ex: Exchange): string | null {
    const value = this.#value(ex.request as HttpMessage); // an identifier of the HTTP family
    return value === undefined || value === "" ? null : value;
  }

  path(key: string): string {
    return `${this.#prefix}/${showSegment(key)}`;
  }

  apply(): void {}
}
