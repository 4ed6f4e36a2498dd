// Every key of Linkerd 1.x is in exactly one class, and no key of the schema is unknown to the table.
import { expect, test } from "vitest";
import { type Place, placesOf } from "../config/walk.ts";
import { linkerdKeys } from "../../test/support/linkerd-keys.ts";
import { configSchema } from "./config-schema.ts";

const places = new Map([...placesOf(configSchema.spec)].map((place) => [place.path, place]));

const listed = linkerdKeys.flatMap((group) => {
  const { source, below } = group;
  return (["effective", "accepted", "refused"] as const).flatMap((at) => {
    const names = group[at]?.split(" ") ?? [];
    return names.map((name) => ({
      source,
      at,
      path: name.startsWith("[") || below === "" ? below + name : `${below}.${name}`,
    }));
  });
});

/** The class of a path: its own, or of the refused key or kind it is inside of. */
function classAt(path: string): string {
  const own = places.get(path);
  if (own !== undefined) return own.class.at;
  // Every object with a kind has this key; its use is a warning unless the kind is experimental.
  if (path.endsWith(".experimental")) return "accepted";
  const outer = [...places.values()].find((place) => place.class.at === "refused" && isInside(path, place));
  return outer?.class.at ?? "unknown";
}

function isInside(path: string, { path: outer }: Place): boolean {
  return path.startsWith(`${outer}.`) || path.startsWith(`${outer}[`);
}

test.for(listed)("$path ($source) is $at", ({ path, at }) => {
  expect(classAt(path)).toBe(at);
});

test("no key is listed twice", () => {
  const paths = listed.map(({ path }) => path);
  expect(paths.filter((path, index) => paths.indexOf(path) !== index)).toEqual([]);
});

test("every key and kind of the schema is one of Linkerd 1.x or marked as new", () => {
  const known = new Set(listed.map(({ path }) => path));
  const unknown = [...places.values()].filter((place) => place.origin === "linkerd" && !known.has(place.path));
  expect(unknown.map(({ path }) => path)).toEqual([]);
});

test("every place has a sentence that says what it means", () => {
  expect([...places.values()].filter(({ spec }) => !/^\S.*\.$/s.test(spec.doc)).map(({ path }) => path)).toEqual([]);
});
