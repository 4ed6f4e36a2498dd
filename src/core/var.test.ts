import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SharedVars } from "./shared-vars.ts";
import { collect, Constant, Source, type Var, whileObserved } from "./var.ts";

/** Observes and remembers everything it is told. */
function recorded<T>(variable: Var<T>): { readonly values: T[] } & Disposable {
  const values: T[] = [];
  const observation = variable.observe((value) => values.push(value));
  return { values, [Symbol.dispose]: () => observation[Symbol.dispose]() };
}

describe("Source", () => {
  test("tells an observer the current value at once and then every change", () => {
    const source = new Source(1);
    const seen = recorded(source);
    source.set(2);
    source.set(2);
    source.set(3);
    expect(seen.values).toEqual([1, 2, 3]);
  });

  test("tells nothing to an observer that has gone", () => {
    const source = new Source(1);
    const seen = recorded(source);
    seen[Symbol.dispose]();
    source.set(2);
    expect(seen.values).toEqual([1]);
    expect(source.observerCount).toBe(0);
  });

  test("tells each observer newer values only, when a listener sets it again", () => {
    const source = new Source(0);
    source.observe((value) => {
      if (value === 1) source.set(2);
    });
    const seen = recorded(source);
    source.set(1);
    expect(seen.values).toEqual([0, 2]);
  });

  test("tells an observer that came during a change once", () => {
    const source = new Source(0);
    const late: number[] = [];
    let came = false;
    source.observe((value) => {
      if (value !== 1 || came) return;
      came = true;
      source.observe((v) => late.push(v));
    });
    source.set(1);
    expect(late).toEqual([1]);
  });

  test("tells the others when one listener throws, and throws that error", () => {
    const source = new Source(0);
    source.observe((value) => {
      if (value === 1) throw new Error("listener");
    });
    const seen = recorded(source);
    expect(() => source.set(1)).toThrow("listener");
    expect(seen.values).toEqual([0, 1]);
  });

  test("keeps no listener that threw at its first call", () => {
    const source = new Source(0);
    const throwing = () => {
      throw new Error("first call");
    };
    expect(() => source.observe(throwing)).toThrow("first call");
    expect(source.observerCount).toBe(0);
  });
});

describe("Var.map, scan and distinct", () => {
  test("map delivers each result once", () => {
    const source = new Source(1);
    const seen = recorded(source.map((n) => n > 1));
    for (const n of [0, 5, 6, 1]) source.set(n);
    expect(seen.values).toEqual([false, true, false]);
  });

  test("scan remembers for each observer separately", () => {
    const source = new Source(1);
    const sum = source.scan<number>((previous = 0, value) => previous + value);
    const first = recorded(sum);
    source.set(2);
    const second = recorded(sum);
    source.set(3);
    expect(first.values).toEqual([1, 3, 6]);
    expect(second.values).toEqual([2, 5]);
  });

  test("distinct leaves out what is the same as before, also when undefined", () => {
    const source = new Source<number | undefined>(undefined);
    const seen = recorded(source.distinct((a, b) => a === b || (a ?? 0) % 10 === (b ?? 0) % 10));
    for (const n of [10, 11, 21, undefined]) source.set(n);
    expect(seen.values).toEqual([undefined, 11, undefined]);
  });
});

describe("Var.flatMap", () => {
  test("follows the variable chosen last and lets the others go", () => {
    const [left, right, choice] = [new Source("l1"), new Source("r1"), new Source(true)];
    const seen = recorded(choice.flatMap((isLeft) => (isLeft ? left : right)));
    left.set("l2");
    choice.set(false);
    left.set("l3");
    right.set("r2");
    expect(seen.values).toEqual(["l1", "l2", "r1", "r2"]);
    expect([left.observerCount, right.observerCount]).toEqual([0, 1]);
    seen[Symbol.dispose]();
    expect([choice.observerCount, left.observerCount, right.observerCount]).toEqual([0, 0, 0]);
  });

  test("holds the new variable before it lets the old one go, so that a shared source is not restarted", () => {
    let starts = 0;
    const shared = whileObserved(0, () => {
      starts++;
      return { [Symbol.dispose]: () => {} };
    });
    const choice = new Source(1);
    const seen = recorded(choice.flatMap(() => shared));
    choice.set(2);
    expect(starts).toBe(1);
    expect(seen.values).toEqual([0, 0]);
  });

  test("delivers nothing of a choice that was already replaced while it was being made", () => {
    const outer = new Source(1);
    const seen = recorded(
      outer.flatMap((n) => {
        if (n === 2) outer.set(3);
        return new Constant(n * 10);
      }),
    );
    outer.set(2);
    expect(seen.values).toEqual([10, 30]);
    expect(outer.observerCount).toBe(1);
  });

  test("of a source by itself sees each value once, consistently", () => {
    const source = new Source(1);
    const seen = recorded(source.flatMap((n) => source.map((m) => [n, m])));
    source.set(2);
    source.set(3);
    expect(seen.values).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  test("disposed of by its own listener holds nothing any more", () => {
    const [outer, inner] = [new Source(1), new Source("x")];
    const handle: { observation?: Disposable } = {};
    handle.observation = outer
      .flatMap(() => inner.map((text) => text))
      .observe(() => handle.observation?.[Symbol.dispose]());
    outer.set(2);
    expect([outer.observerCount, inner.observerCount]).toEqual([0, 0]);
  });
});

describe("whileObserved", () => {
  test("starts with the first observer, ends after the last, and begins anew", () => {
    const log: string[] = [];
    let set: (value: number) => void = () => {};
    const variable = whileObserved(0, (setter) => {
      log.push("start");
      set = setter;
      return { [Symbol.dispose]: () => log.push("stop") };
    });
    const first = recorded(variable);
    set(1);
    const second = recorded(variable);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(log).toEqual(["start"]);
    second[Symbol.dispose]();
    expect(log).toEqual(["start", "stop"]);
    set(9);
    expect(variable.sample()).toBe(0);
    expect([first.values, second.values]).toEqual([[0, 1], [1]]);
  });

  test("tells only what it was set to before its start returned", () => {
    const seen = recorded(
      whileObserved(0, (set) => {
        set(1);
        set(2);
        return { [Symbol.dispose]: () => {} };
      }),
    );
    expect(seen.values).toEqual([2]);
  });

  test("is not left running by a listener that throws", () => {
    let running = 0;
    const variable = whileObserved(0, () => {
      running++;
      return { [Symbol.dispose]: () => running-- };
    });
    const throwing = () => {
      throw new Error("no");
    };
    expect(() => variable.observe(throwing)).toThrow("no");
    expect(running).toBe(0);
  });
});

describe("SharedVars", () => {
  test("run one source per key while it is observed, and keep nothing of it afterwards", () => {
    const log: string[] = [];
    const vars = new SharedVars("initial");
    const at = (key: string) =>
      vars.at(key, (set) => {
        log.push(`+${key}`);
        set(`value of ${key}`);
        return { [Symbol.dispose]: () => log.push(`-${key}`) };
      });
    const [one, two, other] = [recorded(at("a")), recorded(at("a")), recorded(at("b"))];
    expect(vars.keys).toEqual(["a", "b"]);
    for (const seen of [one, two, other]) seen[Symbol.dispose]();
    expect(log).toEqual(["+a", "+b", "-a", "-b"]);
    expect(vars.keys).toEqual([]);
    expect(two.values).toEqual(["value of a"]);
  });
});

describe("collect", () => {
  test("delivers all values when all are known, and at each change", () => {
    const sources = [new Source(1), new Source(2)];
    const seen = recorded(collect(sources));
    sources[1]?.set(3);
    sources[0]?.set(4);
    expect(seen.values).toEqual([
      [1, 2],
      [1, 3],
      [4, 3],
    ]);
    seen[Symbol.dispose]();
    expect(sources.map((s) => s.observerCount)).toEqual([0, 0]);
  });

  test("of constants, or of nothing, is constant", () => {
    expect(collect([new Constant(1), new Constant(2)])).toBeInstanceOf(Constant);
    expect(collect([]).sample()).toEqual([]);
  });
});

test("any network of variables ends with what its sources say, and lets everything go", () => {
  const change = fc.record({ source: fc.nat(2), value: fc.nat(5) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
      const sources = [new Source(0), new Source(1), new Source(2)];
      const at = (n: number) => sources[n % 3] ?? new Source(0);
      const network = collect([
        at(0).flatMap((n) => at(n).map((v) => v + 1)),
        at(1)
          .map((v) => v * 2)
          .distinct((x, y) => x === y),
        at(2).flatMap((n) => at(n + 1).flatMap((m) => at(m))),
      ]);
      const seen = recorded(network);
      for (const { source, value } of changes) at(source).set(value);
      expect(seen.values.at(-1)).toEqual(network.sample());
      seen[Symbol.dispose]();
      expect(sources.map((s) => s.observerCount)).toEqual([0, 0, 0]);
    }),
  );
});
