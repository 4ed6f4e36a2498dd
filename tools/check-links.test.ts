import { expect, test } from "vitest";
import { anchorsOf, linksOf } from "./check-links.ts";

test("linksOf finds links and images with their lines, and none inside code", () => {
  const text = '# A\nsee [b](docs/b.md#c) and ![d](e.png "title")\n```\n[no](x.md)\n```\n`[no](y.md)` [f](<g.md>)\n';
  expect(linksOf(text)).toEqual([
    { target: "docs/b.md#c", line: 2 },
    { target: "e.png", line: 2 },
    { target: "g.md", line: 6 },
  ]);
});

test("anchorsOf makes the anchors that GitHub makes", () => {
  const text = "# One Two\n## `code`, and: more!\n## One Two\n### [Link](x.md) §2\n```\n# no\n```\n";
  expect([...anchorsOf(text)]).toEqual(["one-two", "code-and-more", "one-two-1", "link-2"]);
});
