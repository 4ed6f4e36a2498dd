// The contents of a discovery file (linkerd1 §4.1): one `host port [* weight]`, or `unix:/path [* weight]`, a line; `#` begins a comment.
import { UNIX, unixPathProblem } from "../../core/socket-address.ts";

export interface FileAddress {
  /** The path of a unix socket begins with a slash (`core/socket-address`). */
  readonly host: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly weight: number;
}

/** All addresses of a file, or what is wrong with which line. One bad line makes the file malformed: half a list is worse than the last one. */
export function parseAddresses(text: string): readonly FileAddress[] | { readonly problem: string } {
  const addresses: FileAddress[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") continue;
    const address = parseAddress(words);
    if (typeof address === "string") return { problem: `line ${i + 1}, "${shortened(words)}": ${address}` };
    addresses.push(address);
  }
  return addresses;
}

const SHOWN_CHARS = 80;

function shortened(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}

/** An address, or what is wrong with it. */
function parseAddress(words: string): FileAddress | string {
  const [host = "", ...rest] = words.split(/\s+/);
  if (host.startsWith(UNIX)) return unixAddress(host.slice(UNIX.length), rest);
  const [portText = "", ...afterPort] = rest;
  if (portText === "")
    return host.includes(":") ? "write host and port with a blank between them" : "a port is missing: write host port";
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) return `"${shortened(portText)}" is not a port from 1 to 65535`;
  const weight = weightOf(afterPort);
  if (weight === null) return "after the port only a weight can follow, as in 10.0.0.1 8080 * 0.5";
  return typeof weight === "string" ? weight : { host, port, weight };
}

function unixAddress(host: string, rest: readonly string[]): FileAddress | string {
  const problem = unixPathProblem(host);
  if (problem !== null) return `${problem}; write it as in unix:/run/users.sock`;
  const weight = weightOf(rest);
  if (weight === null) return "after the path only a weight can follow, as in unix:/run/users.sock * 0.5";
  return typeof weight === "string" ? weight : { host, port: 0, weight };
}

/** A weight, or what is wrong with it; null for words that are something else. */
function weightOf([star, written, ...more]: readonly string[]): number | string | null {
  if (star === undefined) return 1;
  if (star !== "*" || written === undefined || more.length > 0) return null;
  const weight = Number(written);
  return Number.isFinite(weight) && weight >= 0 ? weight : `"${shortened(written)}" is not a weight`;
}
