// The address of an endpoint as configuration writes it: `host:port`, with a weight perhaps: `10.0.0.1:8080 * 0.5`.
import { isIPv6 } from "node:net";
import { SyntaxProblem } from "./syntax.ts";

/** What such a text says. */
export interface WrittenEndpoint {
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** Null where none is written. */
  readonly port: number | null;
  readonly weight: number;
}

const FORM = /^(?<host>\[[^\]]*\]|[^\s:*[\]]+)(?::(?<port>[^\s:*]*))?(?:\s*\*\s*(?<weight>\S+))?$/;

/** Reads one address. */
export function parseEndpoint(text: string): WrittenEndpoint | SyntaxProblem {
  const start = text.length - text.trimStart().length;
  const written = text.trim();
  const wrong = (message: string, at = 0) => new SyntaxProblem(message, text, start + Math.max(at, 0));
  const { host, port, weight = "1" } = FORM.exec(written)?.groups ?? {};
  if (host === undefined || written.includes("/")) return wrong(noAddress(written), written.search(/[/\s*]/));
  const name = hostIn(host);
  if (name === null) return wrong(`${JSON.stringify(host)} is no host`);
  if (port === undefined && /^\d+$/.test(host))
    return wrong(`a host is missing; for this machine write 127.0.0.1:${host}`);
  const number = port === undefined ? null : portIn(port);
  if (Number.isNaN(number)) return wrong(`${JSON.stringify(port)} is not a port from 1 to 65535`, host.length + 1);
  const share = Number(weight);
  if (!Number.isFinite(share) || share < 0)
    return wrong(`${JSON.stringify(weight)} is not a weight such as 2 or 0.5`, written.lastIndexOf(weight));
  return { host: name, port: number, weight: share };
}

/** Why something that has not the form of an address has not. */
function noAddress(written: string): string {
  if (written.includes("://")) return "this is a URL; write host and port alone";
  if (written.includes("/")) return "there is no place for a path; write host and port alone";
  if (/^[\da-fA-F.:]*:.*:/.test(written)) return "an IPv6 address stands in brackets, as in [::1]:8080";
  return /^\S+\s+\d+\b/.test(written) ? "write a colon between host and port" : "this is not host:port";
}

function hostIn(written: string): string | null {
  if (!written.startsWith("[")) return /^[\w.-]+$/.test(written) ? written : null;
  const inner = written.slice(1, -1);
  return isIPv6(inner) ? inner : null;
}

function portIn(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : Number.NaN;
}
