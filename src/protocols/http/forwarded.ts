// The `Forwarded` header (RFC 7239) in the form of linkerd1 §2.1.2: added, never merged.
import type { Random } from "../../base/random.ts";
import { UNIX } from "../../core/socket-address.ts";
import type { ConnectionEnds } from "./admit.ts";
import type { HttpMessage } from "./message.ts";

/** How one end of a connection is named. */
export type Labeler = (address: string, ends: ConnectionEnds) => string;

/** Labelers for the `by` and `for` parts. */
export interface ForwardedLabels {
  readonly by: Labeler;
  readonly for: Labeler;
}

/** `by=…;for=…;host=…;proto=…`; HTTP/2 says `authority=` in place of `host=` (linkerd1 §2.2). */
export function forwardedValue(message: HttpMessage, ends: ConnectionEnds, labels: ForwardedLabels): string {
  let value = `by=${labels.by(ends.local, ends)};for=${labels.for(ends.remote, ends)}`;
  const { host } = message;
  const key = message.version === "HTTP/2.0" ? "authority" : "host";
  if (host !== "") value += `;${key}=${/^[\w.-]+$/.test(host) ? host : `"${host}"`}`;
  if (message.absolute) value += ";proto=http";
  return value;
}

const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function randomLabel(random: Random): string {
  let label = "_";
  for (let i = 0; i < 6; i++) label += ALPHANUMERIC[random.int(ALPHANUMERIC.length)];
  return label;
}

/** Both ends of a connection over a unix socket: no address says who they are, and a path is nobody else's business. */
function isNameless(address: string): boolean {
  return address.startsWith(UNIX) || isAny(hostOf(address));
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":"));
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** An address in the notation of RFC 7239 §6: IPv6 in brackets, and then quoted. */
function ipLabel(address: string): string {
  if (isNameless(address)) return "unknown";
  const host = hostOf(address);
  return host.includes(":") ? `"[${host}]"` : host;
}

function ipPortLabel(address: string): string {
  if (isNameless(address)) return "unknown";
  const host = hostOf(address);
  return `"${host.includes(":") ? `[${host}]` : host}:${portOf(address)}"`;
}

/** Makes the labeler of a configured kind. `text` is the router's label, or the static one. */
export function makeLabeler(kind: string, text: string, random: Random): Labeler {
  switch (kind) {
    case "ip":
      return ipLabel;
    case "ip:port":
      return ipPortLabel;
    case "connectionRandom": {
      const labels = new WeakMap<ConnectionEnds, string>();
      return (_, ends) => {
        const known = labels.get(ends) ?? randomLabel(random);
        labels.set(ends, known);
        return known;
      };
    }
    case "router":
    case "static":
      return () => `_${text}`;
    default:
      return () => randomLabel(random);
  }
}
