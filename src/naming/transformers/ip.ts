// IP addresses that are written in several ways.
import { isIP } from "node:net";

/** One text per address: `0:0::1` is `::1`, `::ffff:10.0.0.1` is `10.0.0.1`, and a zone is left out. What is no IP address stays as it is. */
export function canonicalIp(host: string): string {
  const [address = host] = host.split("%");
  if (isIP(address) !== 6) return host;
  const shown = new URL(`http://[${address}]`).hostname.slice(1, -1); // RFC 5952, but for addresses of IPv4
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(shown);
  if (mapped === null) return shown;
  const bytes = [mapped[1], mapped[2]].map((pair) => Number.parseInt(pair ?? "", 16));
  return bytes.flatMap((pair) => [pair >> 8, pair & 255]).join(".");
}
