// `io.l5d.static`: one name for every request (linkerd1 §2.1.4).
import type { Identifier } from "../../../core/identifier.ts";

/** `<prefix><path>`, always. */
export class StaticIdentifier implements Identifier {
  readonly kind = "io.l5d.static";
  readonly #path: string;

  /** @param path path text, appended to the prefix. */
  constructor(prefix: string, path: string) {
    this.#path = prefix + path;
  }

  key(): string {
    return "";
  }

  path(): string {
    return this.#path;
  }

  apply(): void {}
}
