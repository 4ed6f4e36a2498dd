// io.l5d.rewrite: names rearranged by a pattern (linkerd1 §4.12).
import { Activity } from "../../core/activity.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import type { Path } from "../../core/path.ts";
import type { PathMatcher, PathTemplate } from "../../core/path-matcher.ts";

export interface RewriteOptions {
  /** The whole prefix, `/#/rewrite`. */
  readonly prefix: Path;
  /** What the path after the prefix must begin with, `/{service}/api`. */
  readonly pattern: PathMatcher;
  /** What becomes of it, `/srv/{service}`; the rest of the path is kept. */
  readonly name: PathTemplate;
}

/** A namer that turns names into other names and knows no addresses itself. A name that does not match is neg. */
export function rewriteNamer({ prefix, pattern, name }: RewriteOptions): Namer {
  return {
    prefix,
    lookup: (rest) => {
      const captures = pattern.match(rest);
      const rewritten = captures === null ? null : name.fill(captures);
      return Activity.ok<NamedTree>(rewritten === null ? neg : leaf(rewritten.concat(rest.drop(pattern.size))));
    },
  };
}
