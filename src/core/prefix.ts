// What the left side of a delegation rule matches.
import { showSegment } from "./path.ts";

/** The prefix element `*`: exactly one segment, whichever. A symbol, since a segment may be the byte "*" itself, written `\x2a`. */
export const wildcard: unique symbol = Symbol("*");

/** What a dentry matches: leading segments, with wildcards. */
export type Prefix = readonly (string | typeof wildcard)[];

/** `/svc/*` */
export function showPrefix(prefix: Prefix): string {
  return prefix.length === 0 ? "/" : prefix.map((s) => `/${s === wildcard ? "*" : showSegment(s)}`).join("");
}
