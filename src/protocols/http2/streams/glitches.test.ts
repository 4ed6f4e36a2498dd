import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Glitches } from "./glitches.ts";

const MOST_CHEAP = 1000;
const CHEAP_PER_SECOND = 200;

/** How many of so many cheap frames at one moment pass. */
function passing(glitches: Glitches, frames: number, nowMs: number): number {
  let passed = 0;
  for (let n = 0; n < frames; n++) if (glitches.cheapFrame(nowMs)) passed++;
  return passed;
}

describe("cheap frames", () => {
  test("a thousand in a row are let pass, and none beyond", () => {
    expect(passing(new Glitches(0, 0), 5000, 0)).toBe(MOST_CHEAP);
  });

  test("a peer that sends fewer than 200 a second may do so for ever", () => {
    const glitches = new Glitches(0, 0);
    for (let second = 1; second <= 100; second++) {
      expect(passing(glitches, CHEAP_PER_SECOND, second * 1000)).toBe(CHEAP_PER_SECOND);
    }
  });

  test("a peer that sends twice as many is refused after some seconds", () => {
    const glitches = new Glitches(0, 0);
    let second = 1;
    while (second < 60 && passing(glitches, 2 * CHEAP_PER_SECOND, second * 1000) === 2 * CHEAP_PER_SECOND) second++;
    expect(second).toBeGreaterThan(3);
    expect(second).toBeLessThan(12);
  });

  test("each useful frame pays for one, and no credit is saved up", () => {
    const glitches = new Glitches(0, 0);
    for (let n = 0; n < 10_000; n++) {
      glitches.usefulFrame();
      expect(glitches.cheapFrame(0)).toBe(true);
    }
    for (let n = 0; n < 10_000; n++) glitches.usefulFrame();
    expect(passing(glitches, 5000, 0)).toBe(MOST_CHEAP);
  });

  test("a peer that was silent for long is worth no more than one that comes anew", () => {
    const glitches = new Glitches(0, 0);
    passing(glitches, MOST_CHEAP, 0);
    expect(passing(glitches, 5000, 3_600_000)).toBe(MOST_CHEAP);
  });

  test("however they are spread, no more pass than the store, half of it again, and what time has added", () => {
    const burst = fc.record({ afterMs: fc.nat(5000), frames: fc.nat(1500), useful: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(burst, { maxLength: 20 }), (bursts) => {
        const glitches = new Glitches(0, 0);
        let nowMs = 0;
        let passed = 0;
        let paid = 0;
        for (const { afterMs, frames, useful } of bursts) {
          nowMs += afterMs;
          for (let n = 0; n < useful; n++) glitches.usefulFrame();
          paid += useful;
          passed += passing(glitches, frames, nowMs);
          expect(passed).toBeLessThanOrEqual(MOST_CHEAP * 1.5 + (nowMs / 1000) * CHEAP_PER_SECOND + paid);
        }
      }),
    );
  });
});

describe("broken streams", () => {
  const broken = (glitches: Glitches, streams: number, nowMs: number): number => {
    let passed = 0;
    for (let n = 0; n < streams; n++) if (glitches.brokenStream(nowMs)) passed++;
    return passed;
  };

  test("as many as are allowed a minute may come at once, and none beyond", () => {
    expect(broken(new Glitches(100, 0), 1000, 0)).toBe(100);
  });

  test("any number may come when there is no bound", () => {
    expect(broken(new Glitches(0, 0), 100_000, 0)).toBe(100_000);
  });

  test("they are forgiven at the rate that is allowed", () => {
    const glitches = new Glitches(60, 1000);
    expect(broken(glitches, 60, 1000)).toBe(60);
    expect(broken(glitches, 1, 1500)).toBe(0);
    expect(broken(glitches, 20, 32_000)).toBe(20);
    expect(broken(glitches, 1000, 3_600_000)).toBe(60);
  });

  test("they do not count as cheap frames, nor cheap frames as them", () => {
    const glitches = new Glitches(10, 0);
    broken(glitches, 10, 0);
    expect(passing(glitches, 5000, 0)).toBe(MOST_CHEAP);
    expect(broken(new Glitches(10, 0), 10, 0)).toBe(10);
  });
});
