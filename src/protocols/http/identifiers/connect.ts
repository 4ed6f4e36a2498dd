// CONNECT: the authority it asks for, as a name of its own. No name of requests begins like it, so no rule that was written for requests
// leads a tunnel anywhere.
import type { Exchange } from "../../../core/exchange.ts";
import type { Identifier } from "../../../core/identifier.ts";
import { showSegment } from "../../../core/path.ts";
import { Tunnel } from "../../../core/tunnel.ts";
import type { HttpMessage } from "../message.ts";

/** `/connect/<host in lower case>/<port>`, whatever `dstPrefix` is; does not apply to any other request. */
export class ConnectIdentifier implements Identifier {
  readonly kind = "connect";

  key(ex: Exchange): string | null {
    return ex.tunnel === Tunnel.direct ? (ex.request as HttpMessage).target.toLowerCase() : null; // an identifier of the HTTP family
  }

  path(key: string): string {
    const colon = key.lastIndexOf(":");
    const host = key.slice(0, colon).replace(/^\[|\]$/g, "");
    return `/connect/${showSegment(host)}/${key.slice(colon + 1)}`;
  }

  apply(): void {}
}
