// The order of endpoints that is the same for all clients, so that each of them sees the same ring (finagle §2.7): by hash.
import { isIP } from "node:net";
import { finalize, hashOctets, hashOrdered, mixLast } from "../base/murmur3.ts";
import { UNIX } from "../core/socket-address.ts";

/** Of Finagle: the hashes agree with its own. */
const SEED = 0x3c074a61;
const IPV4_MAPPED = "0,0,0,0,0,65535";

interface Addressed {
  /** `host:port`; IPv6 in brackets. Or `unix:/path`, which Finagle does not have: it counts as a name without a port. */
  readonly key: string;
}

/** In the order of the hashes of their hosts, as signed numbers; those of one host by the hash of the port. */
export function inAddressOrder<A extends Addressed>(endpoints: readonly A[]): readonly A[] {
  return endpoints
    .map((endpoint) => ({ endpoint, host: hostHash(hostOf(endpoint.key)), port: portHash(portOf(endpoint.key)) }))
    .sort((a, b) => a.host - b.host || a.port - b.port || (a.endpoint.key < b.endpoint.key ? -1 : 1))
    .map(({ endpoint }) => endpoint);
}

/** One number for endpoints and their order: clients that show the same one have the same ring. */
export function vectorHash(endpoints: readonly Addressed[]): number {
  return hashOrdered(
    endpoints.map(({ key }) => hostHash(hostOf(key))),
    SEED,
  );
}

/** Over the octets of an IP address; over its letters for a name, which Finagle would have resolved. */
export function hostHash(host: string): number {
  return hashOctets(isIP(host) === 0 ? new TextEncoder().encode(host) : octetsOf(host), SEED);
}

export function portHash(port: number): number {
  return finalize(mixLast(SEED, port), 4);
}

function hostOf(key: string): string {
  if (key.startsWith(UNIX)) return key;
  const host = key.slice(0, key.lastIndexOf(":"));
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

function portOf(key: string): number {
  if (key.startsWith(UNIX)) return 0;
  return Number(key.slice(key.lastIndexOf(":") + 1));
}

function octetsOf(ip: string): Uint8Array {
  if (isIP(ip) === 4) return Uint8Array.from(ip.split("."), Number);
  const groups = groupsOf(ip);
  const octets = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
  // An IPv4 address in the clothes of IPv6 is an IPv4 address, as in Java.
  return groups.slice(0, 6).join() === IPV4_MAPPED ? octets.subarray(12) : octets;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(ip: string): number[] {
  const [head = "", tail] = ip
    .replace(/%.*/, "")
    .replace(/[\d.]+\.[\d.]+$/, dottedAsGroups)
    .split("::");
  const before = numbersIn(head);
  if (tail === undefined) return before;
  const after = numbersIn(tail);
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

function numbersIn(groups: string): number[] {
  return groups === "" ? [] : groups.split(":").map((group) => Number.parseInt(group, 16));
}

function dottedAsGroups(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split(".").map(Number);
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
