// The machine's own name resolution: /etc/hosts, DNS and whatever else it is set up with.
import { lookup, type LookupAddress } from "node:dns";
import type { Resolution, Resolver } from "../../core/resolver.ts";

const HOST_NAME = /^[A-Za-z0-9._-]{1,253}$/;
/** getaddrinfo(3) answers that mean "no such host"; any other error is no answer at all. */
const UNKNOWN_HOST = new Set(["ENOTFOUND", "ENODATA"]);

/** Resolves through getaddrinfo(3). A name with IPv4 addresses resolves to these only, as in the original; others to their IPv6 addresses. */
export function systemResolver(): Resolver {
  return {
    resolve(host, done) {
      if (!HOST_NAME.test(host)) return done({ at: "unknown" });
      lookup(host, { all: true }, (error, addresses) => done(error === null ? found(addresses) : refused(host, error)));
    },
  };
}

function found(addresses: readonly LookupAddress[]): Resolution {
  const ipv4 = addresses.filter((a) => a.family === 4);
  const chosen = ipv4.length > 0 ? ipv4 : addresses;
  return chosen.length === 0 ? { at: "unknown" } : { at: "found", addresses: chosen.map((a) => a.address) };
}

function refused(host: string, error: NodeJS.ErrnoException): Resolution {
  if (UNKNOWN_HOST.has(error.code ?? "")) return { at: "unknown" };
  return { at: "failed", message: `${host} cannot be resolved: ${error.code ?? error.message}` };
}
