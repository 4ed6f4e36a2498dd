import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { heapInUse } from "../../../../test/support/heap.ts";
import { ClosedStreams, Ending, StreamTable } from "./stream-table.ts";

interface Stream {
  readonly id: number;
}

const stream = (id: number): Stream => ({ id });

describe("StreamTable", () => {
  test("finds what was added, by its id, and nothing else", () => {
    const table = new StreamTable<Stream>();
    const one = stream(1);
    table.add(one);
    expect(table.get(1)).toBe(one);
    expect([table.get(3), table.get(33), table.get(0), table.get(2_147_483_647)]).toEqual([null, null, null, null]);
    expect(table.size).toBe(1);
  });

  test("keeps apart ids that share a slot", () => {
    const table = new StreamTable<Stream>();
    const streams = [1, 33, 65, 129, 1025].map(stream);
    for (const each of streams) table.add(each);
    expect(streams.map(({ id }) => table.get(id))).toEqual(streams);
    for (const each of streams) table.remove(each);
    expect(table.size).toBe(0);
    expect(streams.map(({ id }) => table.get(id))).toEqual([null, null, null, null, null]);
  });

  test("removes only the stream itself", () => {
    const table = new StreamTable<Stream>();
    const one = stream(1);
    table.add(one);
    table.remove(stream(1));
    table.remove(stream(33));
    expect([table.size, table.get(1)]).toEqual([1, one]);
    table.remove(one);
    table.remove(one);
    expect(table.size).toBe(0);
  });

  test("lists all, oldest first, in a copy", () => {
    const table = new StreamTable<Stream>();
    for (const id of [129, 3, 65, 1, 33]) table.add(stream(id));
    const all = table.all();
    for (const each of all) table.remove(each);
    expect(all.map(({ id }) => id)).toEqual([1, 3, 33, 65, 129]);
    expect(table.all()).toEqual([]);
  });

  test("can be used again after many streams made it large", () => {
    const table = new StreamTable<Stream>();
    const streams = Array.from({ length: 5000 }, (_, n) => stream(2 * n + 1));
    for (const each of streams) table.add(each);
    expect(table.size).toBe(5000);
    for (const each of streams) table.remove(each);
    table.add(stream(10_001));
    expect(table.all().map(({ id }) => id)).toEqual([10_001]);
  });

  test("behaves like a map for every mix of ids that rise as those of a connection do", () => {
    const skipped = fc.oneof(
      { weight: 9, arbitrary: fc.nat(20) },
      { weight: 1, arbitrary: fc.constantFrom(511, 4095, 2 ** 20 - 1) },
    );
    const step = fc.record({ kind: fc.constantFrom("add", "add", "remove"), skipped, which: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(1, 2), (steps, first) => {
        const table = new StreamTable<Stream>();
        const model = new Map<number, Stream>();
        let id = first;
        for (const { kind, skipped, which } of steps) {
          if (kind === "add") {
            const added = stream(id);
            table.add(added);
            model.set(id, added);
            id += 2 + 2 * skipped;
          } else {
            const removed = [...model.values()][which % Math.max(1, model.size)];
            if (removed !== undefined) table.remove(removed);
            model.delete(removed?.id ?? 0);
          }
          expect(table.size).toBe(model.size);
        }
        expect(table.all()).toEqual([...model.values()]);
        for (let known = 0; known <= Math.min(id, 2000); known++)
          expect(table.get(known)).toBe(model.get(known) ?? null);
        for (const [known, found] of model) expect(table.get(known)).toBe(found);
      }),
    );
  });

  // An array in which ids 1 and 2^30 + 1 have slots of their own would have 2^30 of them, and a peer may skip ids (RFC 9113 §5.1.1).
  test("needs no more memory for two streams whose ids are far apart", () => {
    const before = heapInUse();
    const table = new StreamTable<Stream>();
    for (let bit = 1; bit < 31; bit++) table.add(stream(2 ** bit + 1));
    expect(table.size).toBe(30);
    expect(heapInUse() - before).toBeLessThan(256 * 1024);
    for (let bit = 1; bit < 31; bit++) {
      const found = table.get(2 ** bit + 1);
      expect(found?.id).toBe(2 ** bit + 1);
      table.remove(found as Stream); // it was found
    }
    expect([table.size, table.all()]).toEqual([0, []]);
  });
});

describe("ClosedStreams", () => {
  test("knows how the last 256 streams of one side ended", () => {
    const closed = new ClosedStreams();
    const endings = [Ending.complete, Ending.resetByUs, Ending.resetByPeer];
    for (let n = 0; n < 300; n++) closed.note(2 * n + 1, endings[n % 3] as Ending);
    for (let n = 0; n < 300; n++) expect(closed.how(2 * n + 1)).toBe(n < 44 ? Ending.unknown : endings[n % 3]);
  });

  test("knows nothing of streams that never were", () => {
    const closed = new ClosedStreams();
    expect(closed.how(1)).toBe(Ending.unknown);
    closed.note(1, Ending.complete);
    expect([closed.how(0), closed.how(3), closed.how(513), closed.how(2 ** 31 - 1)]).toEqual([0, 0, 0, 0]);
  });

  test("takes the last word on a stream", () => {
    const closed = new ClosedStreams();
    closed.note(2 ** 31 - 1, Ending.resetByUs);
    closed.note(2 ** 31 - 1, Ending.resetByPeer);
    expect(closed.how(2 ** 31 - 1)).toBe(Ending.resetByPeer);
  });
});
