import { expect, test } from "vitest";
import { BucketStore, PAGE_BUCKETS } from "./bucket-store.ts";

function count(store: BucketStore, page: number, bucket: number): number {
  const at = store.indexOf(page) + bucket;
  return (store.chunkOf(page)[at]! += 1);
}

test("Pages do not overlap, however many there are, and count beyond 2^31", () => {
  const store = new BucketStore();
  const pages = Array.from({ length: 200 }, () => store.allocate());
  for (const page of pages) for (const bucket of [0, PAGE_BUCKETS - 1]) expect(count(store, page, bucket)).toBe(1);
  expect(store.live).toBe(200 * PAGE_BUCKETS);
  store.chunkOf(pages[7]!)[store.indexOf(pages[7]!)] = 2 ** 31;
  expect(count(store, pages[7]!, 0)).toBe(2 ** 31 + 1);
});

test("A page that was given back is handed out again, at zero", () => {
  const store = new BucketStore();
  const page = store.allocate();
  expect(store.isUsed(page)).toBe(false);
  count(store, page, 63);
  expect(store.isUsed(page)).toBe(true);
  store.release(page);
  expect(store.live).toBe(0);
  expect(store.allocate()).toBe(page);
  expect(store.isUsed(page)).toBe(false);
});
