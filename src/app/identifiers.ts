// From written identifiers to those that run.
import type { Identifier } from "../core/identifier.ts";
import { ConnectIdentifier } from "../protocols/http/identifiers/connect.ts";
import { HeaderIdentifier } from "../protocols/http/identifiers/header.ts";
import { HeaderPathIdentifier } from "../protocols/http/identifiers/header-path.ts";
import { HeaderTokenIdentifier } from "../protocols/http/identifiers/header-token.ts";
import { HostIdentifier } from "../protocols/http/identifiers/host.ts";
import { MethodAndHostIdentifier } from "../protocols/http/identifiers/method-and-host.ts";
import { PathIdentifier } from "../protocols/http/identifiers/path.ts";
import { StaticIdentifier } from "../protocols/http/identifiers/static.ts";
import type { IdentifierConfig, RouterConfig } from "./config.ts";

/** Those of a router, in the order in which they are asked. @param plugged makes those of plug-ins; null for all others. */
export function identifiersOf(
  { dstPrefix, identifier, servers }: RouterConfig,
  plugged: (written: IdentifierConfig) => Identifier | null,
): Identifier[] {
  const written = identifier.map((each) => plugged(each) ?? makeIdentifier(each, dstPrefix));
  return servers.some(({ connect }) => connect) ? [new ConnectIdentifier(), ...written] : written;
}

function makeIdentifier(written: IdentifierConfig, dstPrefix: string): Identifier {
  const prefix = dstPrefix === "/" ? "" : dstPrefix;
  switch (written.kind) {
    case "io.l5d.header.token":
      return new HeaderTokenIdentifier(prefix, written.header);
    case "io.l5d.header.path":
      return new HeaderPathIdentifier(prefix, written.header, written.segments ?? null);
    case "io.l5d.header":
      return new HeaderIdentifier(prefix, written.header);
    case "io.l5d.path":
      return new PathIdentifier(prefix, written.segments, written.consume);
    case "io.l5d.methodAndHost":
      return new MethodAndHostIdentifier(prefix, written.httpUriInDst);
    case "fairlead.host":
      return new HostIdentifier(prefix);
    case "io.l5d.static":
      return new StaticIdentifier(prefix, written.path);
  }
}
