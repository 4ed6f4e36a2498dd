// Ranges of IP addresses, such as 10.0.0.0/8. Both versions are compared as 128 bits: IPv4 stands where IPv6 maps it (RFC 4291 §2.5.5.2),
// so that a caller is the same one on a socket that takes both.
import { isIP } from "node:net";

const BITS = 128n;
const IPV4_OFFSET = 96;
const MAPPED = 0xffffn << 32n;

/** An address and how many of its leading bits count. */
export class AddressRange {
  readonly #bits: bigint;
  readonly #ignored: bigint;

  private constructor(bits: bigint, length: number) {
    this.#ignored = BITS - BigInt(length);
    this.#bits = bits >> this.#ignored;
  }

  /** `10.0.0.0/8`, `fd00::/8`, or a single address; null for anything else. */
  static parse(text: string): AddressRange | null {
    const [address = "", length, more] = text.split("/");
    const bits = addressBits(address);
    if (bits === null || more !== undefined) return null;
    const offset = isIP(address) === 4 ? IPV4_OFFSET : 0;
    if (length === undefined) return new AddressRange(bits, Number(BITS));
    if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) + offset > Number(BITS)) return null;
    return new AddressRange(bits, Number(length) + offset);
  }

  /** @param bits of `addressBits` */
  holds(bits: bigint): boolean {
    return bits >> this.#ignored === this.#bits;
  }
}

/** An IP address as a number of 128 bits; null when it is none. A zone (`%eth0`) does not count. */
export function addressBits(text: string): bigint | null {
  const address = text.split("%", 1)[0] ?? "";
  const version = isIP(address);
  if (version === 0) return null;
  return version === 4 ? MAPPED | ipv4Bits(address) : ipv6Bits(address);
}

function ipv4Bits(address: string): bigint {
  return address.split(".").reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
}

function ipv6Bits(address: string): bigint {
  const [left = "", right] = address.split("::");
  const head = groupsOf(left);
  if (right === undefined) return joined(head);
  const tail = groupsOf(right);
  const missing = 8 - head.length - tail.length;
  return joined([...head, ...Array.from({ length: missing }, () => 0n), ...tail]);
}

/** Groups of 16 bits; the last two may be written as an IPv4 address. */
function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const bits = ipv4Bits(group);
    return [bits >> 16n, bits & 0xffffn];
  });
}

function joined(groups: readonly bigint[]): bigint {
  return groups.reduce((bits, group) => (bits << 16n) | group, 0n);
}
