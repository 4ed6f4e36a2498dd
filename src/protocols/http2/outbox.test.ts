import { describe, expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { TurnEnd } from "../../base/turn-end.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import { CellStore } from "../../telemetry/cells.ts";
import { Counter } from "../../telemetry/metrics.ts";
import { Outbox, OutputBuffers } from "./outbox.ts";

const SIZE = 64 * 1024;
const SMALL = 8 * 1024;
const FULL = 48 * 1024;
const MOST_LENT = 64;

/** Takes what it is sent, or keeps it as a socket does whose peer does not read. */
class FakeStream implements Partial<ByteStream> {
  takes = true;
  refused = false;
  readonly sent: string[] = [];
  readonly buffers: Buffer[] = [];

  get lent(): boolean {
    return this.buffers.length > 0;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    this.sent.push(buffer.toString("latin1", start, end));
    if (this.takes && !this.lent) return true;
    this.buffers.push(buffer);
    return false;
  }
}

class Stage {
  readonly env = new ManualEnv();
  readonly buffers: OutputBuffers;
  readonly stream = new FakeStream();
  readonly outbox: Outbox;
  readonly counter: Counter;
  turns = 0;

  constructor(buffers = new OutputBuffers()) {
    this.buffers = buffers;
    const store = new CellStore();
    this.counter = new Counter(store, store.allocate(1));
    const turn = new TurnEnd(this.env.timers, (error) => {
      throw error;
    });
    const owner = {
      turnEnded: () => {
        this.turns++;
        this.outbox.flush();
      },
    };
    this.outbox = new Outbox(this.stream as unknown as ByteStream, buffers, turn, owner, this.counter); // as much of one as is used
  }

  put(text: string): void {
    const buffer = this.outbox.reserve(text.length);
    buffer.write(text, this.outbox.length, "latin1");
    this.outbox.lastFrame = this.outbox.length;
    this.outbox.length += text.length;
  }

  /** The peer has taken everything. */
  drained(): void {
    this.stream.buffers.length = 0;
    this.outbox.written();
  }
}

describe("Outbox", () => {
  test("sends what was composed in a turn in one write at its end, and owns nothing before and behind it", () => {
    const { counter, env, outbox, put, stream } = bound(new Stage());
    expect(outbox.buffer.length).toBe(0);
    put("abc");
    put("def");
    expect([outbox.length, outbox.lastFrame]).toEqual([6, 3]);
    expect(stream.sent).toEqual([]);
    env.endTurn();
    expect(stream.sent).toEqual(["abcdef"]);
    expect([outbox.length, outbox.lastFrame, outbox.buffer.length]).toEqual([0, -1, 0]);
    expect([outbox.writes, counter.value]).toEqual([1, 6]);
    expect(env.endTurn()).toBe(false);
  });

  test("tells its owner once a turn, also when nothing was composed", () => {
    const stage = new Stage();
    stage.outbox.wake();
    stage.outbox.wake();
    stage.put("a");
    stage.env.endTurn();
    expect(stage.turns).toBe(1);
    stage.outbox.wake();
    stage.env.endTurn();
    expect([stage.turns, stage.stream.sent]).toEqual([2, ["a"]]);
    expect(stage.env.endTurn()).toBe(false);
  });

  test("gives memory back that was reserved for nothing", () => {
    const { env, outbox } = new Stage();
    outbox.reserve(100);
    expect(outbox.buffer.length).toBe(SIZE);
    env.endTurn();
    expect(outbox.buffer.length).toBe(0);
  });

  test("uses the memory of the loop again, also for another connection", () => {
    const first = new Stage();
    const second = new Stage(first.buffers);
    first.put("a");
    const { buffer } = first.outbox;
    first.env.endTurn();
    second.put("b");
    expect(second.outbox.buffer).toBe(buffer);
  });

  test("is full from 48 kB on", () => {
    const { outbox, put } = bound(new Stage());
    put("a".repeat(FULL - 1));
    expect(outbox.full).toBe(false);
    put("a");
    expect(outbox.full).toBe(true);
    outbox.flushNow();
    expect([outbox.full, outbox.length]).toEqual([false, 0]);
    outbox.flushNow(); // there is nothing to send
    expect(outbox.writes).toBe(1);
  });

  test("that was sent within a turn is sent again at its end", () => {
    const { env, outbox, put, stream } = bound(new Stage());
    put("a");
    outbox.flushNow();
    put("b");
    env.endTurn();
    expect(stream.sent).toEqual(["a", "b"]);
  });

  test("sends what is there when the next frame does not fit", () => {
    const { outbox, put, stream } = bound(new Stage());
    put("a".repeat(SIZE - 10));
    put("b".repeat(11));
    expect(stream.sent).toEqual(["a".repeat(SIZE - 10)]);
    expect([outbox.length, outbox.lastFrame, outbox.buffer.length]).toEqual([11, 0, SIZE]);
  });

  test("sends nothing when a frame does not fit and nothing was composed", () => {
    const { outbox, put, stream } = bound(new Stage());
    outbox.reserve(100);
    put("a".repeat(SIZE + 1));
    expect([stream.sent, outbox.writes, outbox.length]).toEqual([[], 0, SIZE + 1]);
  });

  test("grows for a frame larger than its memory, and lets go of that memory behind it", () => {
    const { env, outbox, put, stream } = bound(new Stage());
    put("ab");
    put("c".repeat(3 * SIZE));
    env.endTurn();
    expect(stream.sent).toEqual(["ab", "c".repeat(3 * SIZE)]);
    put("d");
    expect(outbox.buffer.length).toBe(SIZE);
  });

  test("composes on while the peer takes nothing, and grows by doubling", () => {
    const { env, outbox, put, stream } = bound(new Stage());
    stream.takes = false;
    put("a");
    env.endTurn();
    expect(outbox.blocked).toBe(true);
    let grown = 0;
    let { buffer } = outbox;
    for (let n = 0; n < 300; n++) {
      put("b".repeat(1000));
      if (outbox.buffer !== buffer) grown++;
      ({ buffer } = outbox);
    }
    expect(outbox.length).toBe(300_000);
    expect(grown).toBeLessThanOrEqual(5);
    expect(stream.sent).toEqual(["a"]);
    env.endTurn();
    expect(stream.sent).toEqual(["a", "b".repeat(300_000)]);
  });

  test("does not touch what is lent before it has left", () => {
    const stage = new Stage();
    stage.stream.takes = false;
    stage.put("abc");
    stage.env.endTurn();
    stage.put("xyz");
    stage.env.endTurn();
    stage.put("123");
    expect(stage.stream.buffers.map((buffer) => buffer.toString("latin1", 0, 3))).toEqual(["abc", "xyz"]);
    expect(stage.stream.buffers).not.toContain(stage.outbox.buffer);
  });

  test("uses what was lent again when it has left, and not before", () => {
    const stage = new Stage();
    stage.stream.takes = false;
    stage.put("abc");
    stage.env.endTurn();
    const lent = stage.stream.buffers[0];
    stage.put("d");
    expect(stage.outbox.buffer).not.toBe(lent);
    const other = stage.outbox.buffer;
    stage.drained();
    stage.outbox.written(); // said twice
    const next = new Stage(stage.buffers);
    next.put("e");
    expect(next.outbox.buffer).toBe(lent);
    const third = new Stage(stage.buffers);
    third.put("f");
    expect([lent, other]).not.toContain(third.outbox.buffer);
  });

  test("counts what was taken, and not what was refused", () => {
    const { counter, env, outbox, put, stream } = bound(new Stage());
    put("abc");
    env.endTurn();
    stream.refused = true;
    put("defg");
    env.endTurn();
    expect([counter.value, outbox.writes]).toEqual([3, 1]);
  });

  test("that is closed forgets what was composed", () => {
    const { env, outbox, put, stream } = bound(new Stage());
    put("abc");
    outbox.close();
    expect([outbox.length, outbox.lastFrame, outbox.buffer.length]).toEqual([0, -1, 0]);
    env.endTurn();
    expect(stream.sent).toEqual([]);
  });
});

describe("OutputBuffers", () => {
  test("lend 64 buffers, and further ones as copies that are no larger than needed", () => {
    const buffers = new OutputBuffers();
    const stages = Array.from({ length: MOST_LENT + 3 }, () => new Stage(buffers));
    for (const stage of stages) {
      stage.stream.takes = false;
      stage.put("abc");
      stage.env.endTurn();
      expect([stage.outbox.buffer.length, stage.stream.sent]).toEqual([0, ["abc"]]);
    }
    const sizes = stages.map(({ stream }) => stream.buffers[0]?.length);
    expect(sizes).toEqual([...Array.from({ length: MOST_LENT }, (_, i) => (i < 16 ? SIZE : SMALL)), 3, 3, 3]);

    stages[0]?.drained();
    stages.at(-1)?.drained(); // a copy: no place becomes free
    const lent = (): number | undefined => {
      const stage = new Stage(buffers);
      stage.stream.takes = false;
      stage.put("defg");
      stage.env.endTurn();
      return stage.stream.buffers[0]?.length;
    };
    expect([lent(), lent()]).toEqual([SIZE, 4]);
  });

  test("keep no more than 16 large buffers, and none of another size", () => {
    const buffers = new OutputBuffers();
    const made = Array.from({ length: 40 }, () => buffers.take(SIZE));
    for (const buffer of made) buffers.give(buffer);
    buffers.give(Buffer.alloc(SIZE + 1));
    const again = Array.from({ length: 40 }, () => buffers.take(SIZE));
    expect(again.filter((buffer) => made.includes(buffer))).toHaveLength(16);
    expect(again.every(({ length }) => length === SIZE)).toBe(true);
  });
});

function bound(stage: Stage): Stage & { readonly put: (text: string) => void } {
  return Object.assign(stage, { put: stage.put.bind(stage) });
}
