import fc from "fast-check";
import { expect, test } from "vitest";
import { liveEntries, valueAt, type SmallMap, sizeOf, withoutEntry, withEntry } from "./small-map.ts";

interface Value {
  readonly number: number;
}

const name = fc.integer({ min: 0, max: 39 }).map(String);
const change = fc.record({ act: fc.constantFrom("put", "put", "remove"), name, number: fc.nat() });

function changed(map: SmallMap<Value>, { act, name, number }: { act: string; name: string; number: number }) {
  return act === "put" ? withEntry(map, name, { number }) : withoutEntry(map, name);
}

test("A small map keeps the order of arrival, however many entries it has", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 120 }), (changes) => {
      let map: SmallMap<Value> = null;
      const model = new Map<string, number>();
      for (const each of changes) {
        map = changed(map, each);
        if (each.act === "put") model.set(each.name, each.number);
        else model.delete(each.name);
      }
      expect(sizeOf(map)).toBe(model.size);
      expect(
        Array.from(
          liveEntries(() => map),
          ([k, { number }]) => [k, number],
        ),
      ).toEqual([...model]);
      for (let i = 0; i < 40; i++) expect(valueAt(map, String(i))?.number).toBe(model.get(String(i)));
    }),
  );
});

test("Who walks through a map that changes sees once what stays, and nothing that had gone", () => {
  const turns = fc.array(fc.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), turns, (before, during) => {
      let map = before.reduce<SmallMap<Value>>(changed, null);
      const staying = new Set(
        Array.from(
          liveEntries(() => map),
          ([k]) => k,
        ),
      );
      const seen: string[] = [];
      const walk = liveEntries(() => map);
      for (const changes of during) {
        const { done, value } = walk.next();
        if (done === true) break;
        seen.push(value[0]);
        expect(valueAt(map, value[0])).toBe(value[1]);
        for (const each of changes) {
          map = changed(map, each);
          if (each.act === "remove") staying.delete(each.name);
        }
      }
      for (const [k] of walk) seen.push(k);
      for (const k of staying) expect(seen.filter((each) => each === k)).toEqual([k]);
    }),
  );
});

test("Who walks through a map whose entries are all gone sees no more of them", () => {
  let map: SmallMap<Value> = null;
  for (let i = 0; i < 40; i++) map = withEntry(map, String(i), { number: i });
  const walk = liveEntries(() => map);
  walk.next();
  map = null;
  expect(walk.next().done).toBe(true);
});
