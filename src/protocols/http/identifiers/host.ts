// `fairlead.host`: the host that a request is for as one segment, whatever its case, and its port as the next.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import type { HttpMessage } from "../message.ts";

const HOST_AND_PORT = /^(?:\[(?<ip>[^\]]*)\]|(?<name>[^:]*?)\.?)(?::(?<port>\d*))?$/;

/** `<prefix>/users`, `<prefix>/users/8080`; IPv6 without its brackets. A request without a host is unidentified. */
export class HostIdentifier implements Identifier {
  readonly kind = "fairlead.host";
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  key(ex: Exchange): string | null {
    const { host } = ex.request as HttpMessage; // an identifier of the HTTP family
    return host === "" ? null : host;
  }

  path(key: string): string {
    const host = key.toLowerCase();
    const { ip, name, port = "" } = HOST_AND_PORT.exec(host)?.groups ?? {};
    const segment = ip ?? name;
    if (segment === undefined || segment === "") return `${this.#prefix}/${showSegment(host)}`;
    return `${this.#prefix}/${showSegment(segment)}${port === "" ? "" : `/${port}`}`;
  }

  apply(): void {}
}
