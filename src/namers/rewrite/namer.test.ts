import { expect, test } from "vitest";
import { showTree } from "../../core/name-tree.ts";
import { Path, pathFrom } from "../../core/path.ts";
import { PathMatcher, PathTemplate } from "../../core/path-matcher.ts";
import { rewriteNamer } from "./namer.ts";

function parsed(pattern: string, name: string): { readonly pattern: PathMatcher; readonly name: PathTemplate } {
  const [matcher, template] = [PathMatcher.parse(pattern), PathTemplate.parse(name)];
  if (matcher instanceof Error) throw matcher;
  if (template instanceof Error) throw template;
  return { pattern: matcher, name: template };
}

test.each([
  ["/one/two", "/success", "/one/two", "/success"],
  ["/one/two", "/success", "/one/two/three", "/success/three"],
  ["/one/*/three", "/success", "/one/two/three", "/success"],
  ["/one/*/four", "/success", "/one/two/three", "~"],
  ["/{foo}/*/three", "/success/{foo}", "/one/two/three", "/success/one"],
  ["/{foo}/*/four", "/success/{foo}", "/one/two/three", "~"],
  ["/{service}/api", "/srv/{service}", "/users/api/v1", "/srv/users/v1"],
  ["/{service}-{version}", "/#/io.l5d.fs/{version}/{service}", "/a-b-2", "/#/io.l5d.fs/2/a-b"],
  ["/{port}/{host}", "/$/inet/{host}/{port}", "/80/web", "/$/inet/web/80"],
  ["/{a}-{b}", "/x/{b}", "/one-", "~"],
])("io.l5d.rewrite with %s => %s makes of %s %s", (pattern, name, path, result) => {
  const namer = rewriteNamer({ prefix: pathFrom("/#/rewrite"), ...parsed(pattern, name) });
  const state = namer.lookup(pathFrom(path)).sample();
  expect(state.at === "ok" && showTree(state.value, (leaf) => (leaf instanceof Path ? leaf.show() : "?"))).toBe(result);
});
