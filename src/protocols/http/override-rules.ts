// Who may override which names: the `overrides.allow` section of a server.
//
// A rule covers an entry of an override when it covers every name the entry applies to. `/svc/users` covers `/svc/users => …` and
// `/svc/users/eu => …`; it covers neither `/svc => …` nor `/svc/* => …`, which apply to other names, too.
import { addressBits, AddressRange } from "../../base/address-range.ts";
import { pathFrom } from "../../core/path.ts";

/** One rule as it is written. */
export interface OverrideRule {
  /** Ranges of addresses, `*` for any caller. */
  readonly from: readonly string[];
  /** Beginnings of names, `*` for all. */
  readonly names: readonly string[];
}

const ANY = "*";

interface Compiled {
  /** Null for any caller. */
  readonly from: readonly AddressRange[] | null;
  /** Segments in their canonical text; null for all names. */
  readonly names: readonly (readonly string[])[] | null;
}

/** Says what of an override may stand. */
export class OverrideRules {
  readonly #rules: readonly Compiled[];

  constructor(rules: readonly OverrideRule[]) {
    this.#rules = rules.map(({ from, names }) => ({
      from: from.includes(ANY) ? null : from.map(rangeOf),
      names: names.includes(ANY) ? null : names.map(segmentsOf),
    }));
  }

  /**
   * The entries that the caller may bring, in their order.
   * @param localDtab in canonical text, in which `;` stands only between two entries and `=>` only between the sides of one
   * @param remote `host:port` of the caller
   */
  allowed(localDtab: string, remote: string): string[] {
    const bits = addressBits(remote.slice(0, Math.max(0, remote.lastIndexOf(":"))));
    const rules = this.#rules.filter(
      ({ from }) => from === null || (bits !== null && from.some((range) => range.holds(bits))),
    );
    return localDtab.split(";").filter((entry) => {
      const prefix = splitPath(entry.slice(0, entry.indexOf("=>")));
      return rules.some(({ names }) => names === null || names.some((name) => covers(name, prefix)));
    });
  }
}

function covers(name: readonly string[], prefix: readonly string[]): boolean {
  return name.length <= prefix.length && name.every((segment, i) => segment === ANY || segment === prefix[i]);
}

function splitPath(text: string): string[] {
  return text === "/" ? [] : text.slice(1).split("/");
}

/** In the form that canonical dtabs have, so that one name has one text. */
function segmentsOf(name: string): string[] {
  return splitPath(name).map((segment) => (segment === ANY ? ANY : pathFrom(`/${segment}`).show().slice(1)));
}

function rangeOf(text: string): AddressRange {
  const range = AddressRange.parse(text);
  if (range === null) throw new RangeError(`not an address range: ${text}`); // the schema takes no others
  return range;
}

/** Is it a range, or `*`? */
export function isCaller(text: string): boolean {
  return text === ANY || AddressRange.parse(text) !== null;
}
