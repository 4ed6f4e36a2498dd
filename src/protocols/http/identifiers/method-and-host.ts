// `io.l5d.methodAndHost`: version, method and host as segments (linkerd1 §2.1.4), the scheme of Linkerd 0.x.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import type { HttpMessage } from "../message.ts";

/** `<prefix>/1.1/<METHOD>/<host>[/uri…]`, `<prefix>/1.0/<METHOD>[/uri…]`; HTTP/1.1 without a Host is unidentified. */
export class MethodAndHostIdentifier implements Identifier {
  readonly kind = "io.l5d.methodAndHost";
  readonly #prefix: string;
  readonly #withUri: boolean;

  constructor(prefix: string, withUri: boolean) {
    this.#prefix = prefix;
    this.#withUri = withUri;
  }

  // HTTP/2 is named like HTTP/1.1, so that one dtab serves both. Segments separated by spaces, which none of them can hold.
  key(ex: Exchange): string | null {
    const message = ex.request as HttpMessage; // an identifier of the HTTP family
    const uri = this.#withUri ? ` ${message.target.split("?", 1)[0] ?? ""}` : "";
    if (message.version === "HTTP/1.0") return `1.0 ${message.method}${uri}`;
    return message.host === "" ? null : `1.1 ${message.method} ${message.host.toLowerCase()}${uri}`;
  }

  path(key: string): string {
    const segments = key.split(" ").flatMap((part) => (part.startsWith("/") ? part.split("/") : [part]));
    return (
      this.#prefix +
      segments
        .filter((s) => s !== "")
        .map((s) => `/${showSegment(s)}`)
        .join("")
    );
  }

  apply(): void {}
}
