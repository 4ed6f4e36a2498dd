// The contents of a discovery file (linkerd1 §4.1): one `host port [* weight]` a line, `#` begins a comment.

export interface FileAddress {
  readonly host: string;
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
  const [host = "", portText = "", star, weightText, ...more] = words.split(/\s+/);
  if (portText === "")
    return host.includes(":") ? "write host and port with a blank between them" : "a port is missing: write host port";
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (port < 1 || port > 65_535) return `"${shortened(portText)}" is not a port from 1 to 65535`;
  if (star === undefined) return { host, port, weight: 1 };
  const weight = Number(weightText);
  if (star !== "*" || weightText === undefined || more.length > 0)
    return "after the port only a weight can follow, as in 10.0.0.1 8080 * 0.5";
  return Number.isFinite(weight) && weight >= 0 ? { host, port, weight } : `"${shortened(weightText)}" is not a weight`;
}
