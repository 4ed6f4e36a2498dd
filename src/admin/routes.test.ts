import { expect, test } from "vitest";
import { documentedRoutes, findRoute, listOf, methodsOf, type Route } from "./routes.ts";

const route = (path: string, more: Partial<Route> = {}): Route => ({
  path,
  doc: "Something.",
  category: "ui",
  ...more,
});

test("A path is found as a whole, and what stands in a gap is told", () => {
  const routes = [route("/a"), route("/a/<name>.json"), route("/r/<label>/s.json")];
  const found = (path: string) => {
    const result = findRoute(routes, path);
    return result === undefined ? "none" : `${result.route.path} ${result.name}`;
  };
  expect(found("/a")).toBe("/a ");
  expect(found("/a/x/y.json")).toBe("/a/<name>.json x/y");
  expect(found("/r/http%20x/s.json")).toBe("/r/<label>/s.json http%20x");
  for (const path of ["/", "/a/", "/a/.json", "/A", "/r//s.json", "/r/s.json", ""]) expect(found(path)).toBe("none");
});

test("HEAD goes wherever GET goes", () => {
  const get = () => ({ status: 200, headers: {}, body: "" });
  expect(methodsOf(route("/", { get }))).toEqual(["GET", "HEAD"]);
  expect(methodsOf(route("/", { post: get }))).toEqual(["POST"]);
  expect(methodsOf(route("/", { get, post: get }))).toEqual(["GET", "HEAD", "POST"]);
});

test("The list has a line for all but hidden endpoints", () => {
  const lines = listOf(documentedRoutes).trimEnd().split("\n");
  expect(lines).toHaveLength(documentedRoutes.filter((known) => known.hidden !== true).length);
  expect(lines).toContainEqual(expect.stringMatching(/^POST +\/admin\/shutdown +Stops /));
});

test("Every endpoint takes a method and has a sentence", () => {
  for (const { doc, ...known } of documentedRoutes) {
    expect(doc).toMatch(/^[A-Z0-9`].*\.$/);
    expect(methodsOf({ doc, ...known })).not.toEqual([]);
  }
});
