import fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzing } from "../../../test/support/long.ts";
import { ReplayBuffer } from "./replay-buffer.ts";

const kept = (replay: ReplayBuffer) => replay.buffer.toString("latin1", 0, replay.length);

test("A replay buffer keeps all chunks up to the limit, in order, and nothing once there is more", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 600 }),
      fc.array(fc.string({ maxLength: 200 }), { maxLength: 12 }),
      (firstBytes, mostBytes, chunks) => {
        const replay = new ReplayBuffer(firstBytes);
        let all = "";
        for (const chunk of chunks) {
          const bytes = Buffer.from(`__${chunk}__`, "latin1");
          replay.keep(bytes, 2, bytes.length - 2, mostBytes);
          all += bytes.toString("latin1", 2, bytes.length - 2);
          const fits = all.length <= mostBytes;
          expect(replay.complete).toBe(fits);
          expect(kept(replay)).toBe(fits ? all : "");
          if (!fits) break;
          bytes.fill(0); // what it keeps is a copy
        }
        expect(replay.buffer.length).toBeLessThanOrEqual(Math.max(firstBytes, mostBytes));
      },
    ),
    fuzzing(300),
  );
});

test("A replay buffer takes no more memory than about twice what it keeps, however much it may keep", () => {
  const replay = new ReplayBuffer(128);
  const chunk = Buffer.alloc(100, "x");
  for (let bytes = 100; bytes <= 5000; bytes += 100) {
    replay.keep(chunk, 0, 100, 16 * 1024 * 1024);
    expect(replay.buffer.length).toBeLessThanOrEqual(Math.max(128, 2 * bytes));
  }
});

test("A replay buffer is fresh after a reset, and gives back what it took beyond its beginning", () => {
  const replay = new ReplayBuffer(16);
  const long = Buffer.alloc(100, "x");
  replay.keep(long, 0, 100, 1000);
  replay.reset();
  expect([replay.length, replay.buffer.length, replay.complete]).toEqual([0, 0, true]);
  replay.keep(long, 0, 100, 50);
  expect([replay.complete, replay.length, replay.buffer.length]).toEqual([false, 0, 0]);
  replay.reset();
  replay.keep(Buffer.from("short"), 0, 5, 50);
  expect([replay.complete, kept(replay), replay.buffer.length]).toEqual([true, "short", 16]);
});
