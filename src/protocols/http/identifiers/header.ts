// `io.l5d.header`: a header's value as a path of its own, appended to the prefix (linkerd1 §2.1.4).
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { parsePath, Path } from "../../../core/path.ts";

/** `<prefix>/a/b` for the value `/a/b`; a value that is no path is unidentified. */
export class HeaderIdentifier implements Identifier {
  readonly kind = "io.l5d.header";
  readonly #prefix: string;
  readonly #header: string;

  constructor(prefix: string, header: string) {
    this.#prefix = prefix;
    this.#header = header.toLowerCase();
  }

  key(ex: Exchange): string | null {
    const value = ex.request.get(this.#header);
    if (value === undefined || !value.startsWith("/")) return null;
    const path = parsePath(value);
    return path instanceof Path && path.size > 0 ? value : null;
  }

  path(key: string): string {
    const path = parsePath(key);
    return path instanceof Path ? this.#prefix + path.show() : this.#prefix;
  }

  apply(): void {}
}
