// The segments of a URI path, for identifiers that make names of them.
import { showSegment } from "../../../core/path.ts";

/** Where the first `count` segments end in a target, the query left aside; -1 when there are fewer, or one of them is empty. */
export function segmentsEnd(target: string, count: number): number {
  const length = pathEnd(target);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at >= length || target[at] !== "/") return -1;
    let end = target.indexOf("/", at + 1);
    if (end < 0 || end > length) end = length;
    if (end === at + 1) return -1;
    at = end;
  }
  return at;
}

/** Where the path ends in a target: at the query, if there is one. */
export function pathEnd(target: string): number {
  const query = target.indexOf("?");
  return query < 0 ? target.length : query;
}

/** `/a/b`, whatever the segments are made of, as path text. */
export function showSegments(path: string): string {
  return path
    .slice(1)
    .split("/")
    .map((segment) => `/${showSegment(segment)}`)
    .join("");
}
