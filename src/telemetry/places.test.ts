import fc from "fast-check";
import { expect, test } from "vitest";
import { liveEntries, placeAt, type Places, sizeOf, withoutPlace, withPlace } from "./places.ts";

interface Entry {
  readonly number: number;
}

const name = fc.integer({ min: 0, max: 39 }).map(String);
const change = fc.record({ act: fc.constantFrom("put", "put", "remove"), name, number: fc.nat() });

function changed(places: Places<Entry>, { act, name, number }: { act: string; name: string; number: number }) {
  return act === "put" ? withPlace(places, name, { number }) : withoutPlace(places, name);
}

test("Places are a map in order of arrival, however many there are", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
      let places: Places<Entry> = null;
      const model = new Map<string, number>();
      for (const each of changes) {
        places = changed(places, each);
        if (each.act === "put") model.set(each.name, each.number);
        else model.delete(each.name);
      }
      expect(sizeOf(places)).toBe(model.size);
      expect(
        Array.from(
          liveEntries(() => places),
          ([k, { number }]) => [k, number],
        ),
      ).toEqual([...model]);
      for (let i = 0; i < 40; i++) expect(placeAt(places, String(i))?.number).toBe(model.get(String(i)));
    }),
  );
});

test("Who walks through places that change sees once what stays, and nothing that had gone", () => {
  const turns = fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), turns, (before, during) => {
      let places = before.reduce<Places<Entry>>(changed, null);
      const staying = new Set(
        Array.from(
          liveEntries(() => places),
          ([k]) => k,
        ),
      );
      const seen: string[] = [];
      const walk = liveEntries(() => places);
      for (const changes of during) {
        const { done, value } = walk.next();
        if (done === true) break;
        seen.push(value[0]);
        expect(placeAt(places, value[0])).toBe(value[1]);
        for (const each of changes) {
          places = changed(places, each);
          if (each.act === "remove") staying.delete(each.name);
        }
      }
      for (const [k] of walk) seen.push(k);
      for (const k of staying) expect(seen.filter((each) => each === k)).toEqual([k]);
    }),
  );
});

test("Who walks through places that are all gone sees no more of them", () => {
  let places: Places<Entry> = null;
  for (let i = 0; i < 40; i++) places = withPlace(places, String(i), { number: i });
  const walk = liveEntries(() => places);
  walk.next();
  places = null;
  expect(walk.next().done).toBe(true);
});
