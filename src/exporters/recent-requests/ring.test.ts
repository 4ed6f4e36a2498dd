import { expect, test } from "vitest";
import { traced } from "../../../test/support/traced.ts";
import { RecentRequests } from "./ring.ts";

test("As many as it may are kept, the latest first, in whatever order they were told of", () => {
  const ring = new RecentRequests(3);
  expect(ring.list()).toEqual([]);
  for (const startMs of [1, 3, 2]) ring.add(traced({ startMs }));
  expect(ring.list().map(({ startMs }) => startMs)).toEqual([3, 2, 1]);
  ring.add(traced({ startMs: 4 }));
  ring.add(traced({ startMs: 5 }));
  expect(ring.list().map(({ startMs }) => startMs)).toEqual([5, 4, 2]);
});
