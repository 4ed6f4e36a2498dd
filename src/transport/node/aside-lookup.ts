// Names of hosts that only telemeters ask for. Look-ups of the system share very few threads (libuv gives them half of its four), and where a
// name server is silent one takes a minute or more. So there is one of these at a time, and those of services always have a thread left.
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

const underWay = new Map<string, Promise<LookupAddress>>();
let last: Promise<unknown> = Promise.resolve();

/** Looks a host up when nothing else is looked up like that. Whoever asks for one that is waited for already waits with the others. */
export function lookUpAside(host: string): Promise<LookupAddress> {
  if (isIP(host) !== 0) return lookup(host);
  const known = underWay.get(host);
  if (known !== undefined) return known;
  const found = last.then(() => lookup(host)).finally(() => underWay.delete(host));
  underWay.set(host, found);
  last = found.catch(() => undefined);
  return found;
}
