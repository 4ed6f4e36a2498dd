import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { Env } from "../base/env.ts";
import { Activity, type ActivityState } from "../core/activity.ts";
import type { BoundTree, EndpointSet, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import { leaf, neg } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { type Path, pathFrom } from "../core/path.ts";
import { Constant, Source } from "../core/var.ts";
import { BindService } from "./bind-service.ts";
import { dtabFrom } from "./dtab-parser.ts";
import { Interpreter } from "./interpreter.ts";
import { NamerTable } from "./namer-table.ts";

/** Knows names of one segment while they are there; their addresses tell which namer gave them. */
class TestNamer implements Namer {
  readonly prefix: Path;
  readonly #host: string;
  readonly #names = new Map<string, Source<ActivityState<NamedTree>>>();
  lookups = 0;

  constructor(prefix: string, host: string) {
    this.prefix = pathFrom(prefix);
    this.#host = host;
  }

  get observerCount(): number {
    return [...this.#names.values()].reduce((sum, source) => sum + source.observerCount, 0);
  }

  lookup(rest: Path): Activity<NamedTree> {
    this.lookups++;
    const [name] = rest.segments;
    return name === undefined ? Activity.ok<NamedTree>(neg) : new Activity(this.#source(name));
  }

  has(name: string, there: boolean): void {
    this.#source(name).set({ at: "ok", value: there ? this.#bound(name) : neg });
  }

  #bound(name: string): NamedTree {
    const address = { host: this.#host, port: 80, weight: 1, meta: {} };
    return leaf({
      kind: "endpoints",
      id: pathFrom(`${this.prefix.show()}/${name}`),
      residual: pathFrom("/"),
      addresses: new Constant({ at: "bound", addresses: [address] }),
    });
  }

  #source(name: string): Source<ActivityState<NamedTree>> {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const source = new Source<ActivityState<NamedTree>>({ at: "ok", value: this.#bound(name) });
    this.#names.set(name, source);
    return source;
  }
}

/** Data, as far as it listens: it watches every client of the trees it was told, and keeps what it hears. */
class Data {
  readonly trees = new Map<number, string>();
  readonly clients = new Map<string, EndpointSet>();
  readonly repeated: string[] = [];
  told = 0;
  service: BindService | null = null;
  readonly #watched = new Set<string>();

  hear(message: ToData): void {
    this.told++;
    if (message.type === "endpoints") {
      const before = this.clients.get(message.client);
      if (JSON.stringify(before) === JSON.stringify(message.set)) this.repeated.push(message.client);
      this.clients.set(message.client, message.set);
      return;
    }
    const said = message.type === "bound" ? JSON.stringify(message.tree) : message.message;
    if (this.trees.get(message.binding) === said) this.repeated.push(said);
    this.trees.set(message.binding, said);
    if (message.type === "bound") for (const client of clientsIn(message.tree)) this.#watch(client);
  }

  #watch(client: string): void {
    if (this.#watched.has(client)) return;
    this.#watched.add(client);
    this.service?.receive({ type: "watch", router: "r", client });
  }
}

function clientsIn(tree: BoundTree): string[] {
  if (tree.type === "leaf") return [tree.id];
  return tree.type === "union" ? tree.branches.flatMap((branch) => clientsIn(branch.tree)) : [];
}

/** Time passes whenever somebody looks at the clock, so that a slice of work is a step or two. */
function hurried(env: ManualEnv): Env {
  let nowMs = 0;
  const nextMs = () => (nowMs += 0.7);
  return { random: env.random, timers: env.timers, clock: { nowMs: nextMs, epochMs: () => env.clock.epochMs() } };
}

function settle(env: ManualEnv): void {
  for (let turns = 0; env.endTurn(); turns++) if (turns > 10_000) throw new Error("it does not come to rest");
}

const DTABS = [
  "/svc => /#/a",
  "/svc => /#/b",
  "/svc => /#/a | /#/b",
  "/svc => /#/b | /#/a",
  "/svc => 3 * /#/a & 1 * /#/b",
  "/svc => /#/a; /svc/x => /#/b/y",
  "/svc => /#/a; /svc/x => /#/b/y; /svc/z => !",
  "/srv => /#/b; /svc => /srv; /svc/y => $",
  "",
].map((text) => dtabFrom(text));

const NAMES = ["x", "y", "z"];

type Step =
  | { readonly do: "dtab"; readonly dtab: number }
  | { readonly do: "interpreter"; readonly interpreter: number; readonly dtab: number | null }
  | { readonly do: "bind"; readonly name: string; readonly local: string }
  | { readonly do: "unbind"; readonly which: number }
  | { readonly do: "name"; readonly namer: number; readonly name: string; readonly there: boolean }
  | { readonly do: "wait"; readonly turns: number };

const anyName = fc.constantFrom(...NAMES);
const anyDtab = fc.nat({ max: DTABS.length - 1 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("dtab" as const), dtab: anyDtab }),
  fc.record({
    do: fc.constant("interpreter" as const),
    interpreter: fc.nat({ max: 3 }),
    dtab: fc.option(anyDtab),
  }),
  fc.record({
    do: fc.constant("bind" as const),
    name: anyName,
    local: fc.constantFrom("", "", "", "/svc/x => /#/a/z", "/#/b/y => /#/a/x"),
  }),
  fc.record({ do: fc.constant("unbind" as const), which: fc.nat({ max: 20 }) }),
  fc.record({
    do: fc.constant("name" as const),
    namer: fc.nat({ max: 3 }),
    name: anyName,
    there: fc.boolean(),
  }),
  fc.record({ do: fc.constant("wait" as const), turns: fc.nat({ max: 4 }) }),
);

/** Two namers that all interpreters share, and two that come with one of them only. */
function namersAndInterpreters() {
  const namers = [
    new TestNamer("/#/a", "10.0.0.1"),
    new TestNamer("/#/b", "10.0.0.2"),
    new TestNamer("/#/a", "10.0.0.3"),
    new TestNamer("/#/b", "10.0.0.4"),
  ] as const;
  const [a, b, otherA, otherB] = namers;
  const tables = [[a, b], [otherA, b], [a], [otherA, otherB]];
  return { namers, interpreters: tables.map((table) => new Interpreter(new NamerTable(table, []))) };
}

test("after any sequence of reloads names are bound as if nothing had ever been otherwise, and nothing is told twice", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 40 }), (steps) => {
      const { interpreters, namers } = namersAndInterpreters();
      const env = new ManualEnv();
      const dtab = new Source<ActivityState<Dtab>>({ at: "ok", value: DTABS[0]! });
      const data = new Data();
      let inForce = interpreters[0]!;
      const service = new BindService("r", inForce, new Activity(dtab), hurried(env), (message) => data.hear(message));
      data.service = service;
      const bound = new Map<number, { readonly path: string; readonly localDtab: string }>();
      let next = 1;
      for (const step of steps) {
        if (step.do === "dtab") dtab.set({ at: "ok", value: DTABS[step.dtab]! });
        else if (step.do === "interpreter") {
          inForce = interpreters[step.interpreter]!;
          service.takeInterpreter(inForce);
          if (step.dtab !== null) dtab.set({ at: "ok", value: DTABS[step.dtab]! });
          service.moveNames();
        } else if (step.do === "bind") {
          const wish = { path: `/svc/${step.name}`, localDtab: step.local };
          bound.set(next, wish);
          service.receive({ type: "bind", router: "r", binding: next, ...wish });
          next++;
        } else if (step.do === "unbind") {
          const binding = [...bound.keys()][step.which];
          if (binding === undefined) continue;
          bound.delete(binding);
          data.trees.delete(binding);
          service.receive({ type: "unbind", router: "r", binding });
        } else if (step.do === "name") namers[step.namer]!.has(step.name, step.there);
        else for (let turns = 0; turns < step.turns; turns++) env.endTurn();
      }
      settle(env);
      const fresh = new Data();
      const other = new BindService("r", inForce, new Activity(dtab), hurried(env), (message) => fresh.hear(message));
      fresh.service = other;
      for (const [binding, wish] of bound) other.receive({ type: "bind", router: "r", binding, ...wish });
      settle(env);
      expect(data.trees).toEqual(fresh.trees);
      expect(data.repeated).toEqual([]);
      for (const [client, set] of fresh.clients) expect([client, data.clients.get(client)]).toEqual([client, set]);
      other.close();
      service.close();
      expect(namers.map((namer) => namer.observerCount)).toEqual([0, 0, 0, 0]);
      expect(env.pendingTimers).toBe(0);
    }),
    {
      numRuns: 1500,
      examples: [
        [
          // The sweep of the second rules is still under way when the interpreter changes.
          [
            { do: "bind", name: "y", local: "/#/b/y => /#/a/x" },
            { do: "dtab", dtab: 3 },
            { do: "bind", name: "x", local: "" },
            { do: "dtab", dtab: 0 },
            { do: "interpreter", interpreter: 1, dtab: 1 },
          ],
        ],
      ],
    },
  );
});

test("of five hundred names one new rule has those looked up that it touches, and tells of no other", () => {
  const namer = new TestNamer("/#/a", "10.0.0.1");
  const env = new ManualEnv();
  const rules = Array.from({ length: 500 }, (_, i) => `/svc/s${i} => /#/a/s${i};`).join("");
  const dtab = new Source<ActivityState<Dtab>>({ at: "ok", value: dtabFrom(rules) });
  const data = new Data();
  const interpreter = new Interpreter(new NamerTable([namer], []));
  const service = new BindService("r", interpreter, new Activity(dtab), env, (message) => data.hear(message));
  data.service = service;
  for (let i = 0; i < 500; i++)
    service.receive({ type: "bind", router: "r", binding: i, path: `/svc/s${i}`, localDtab: "" });
  const [lookups, told] = [namer.lookups, data.told];
  dtab.set({ at: "ok", value: dtabFrom(`${rules} /svc/s7 => /#/a/s8;`) });
  settle(env);
  expect([namer.lookups - lookups, data.told - told]).toEqual([0, 1]); // s8 is known
  expect(data.trees.get(7)).toBe(data.trees.get(8));
  dtab.set({ at: "ok", value: dtabFrom(`${rules} /svc/s7 => /#/a/new;`) });
  settle(env);
  expect([namer.lookups - lookups, data.told - told]).toEqual([1, 3]); // the name, and the addresses of the new client
  service.close();
});

test("rules and interpreter may change at once: nothing is bound by the new ones of the one and the old ones of the other", async () => {
  const { interpreters, namers } = namersAndInterpreters();
  const env = new ManualEnv();
  const dtab = new Source<ActivityState<Dtab>>({ at: "ok", value: dtabFrom("/svc => /#/b") });
  const heard: string[] = [];
  const both = hurried(env);
  const service = new BindService("r", interpreters[0]!, new Activity(dtab), both, (message) => {
    if (message.type === "bound") heard.push(message.tree.type === "leaf" ? message.tree.id : message.tree.type);
  });
  for (let i = 0; i < 50; i++)
    service.receive({ type: "bind", router: "r", binding: i, path: "/svc/x", localDtab: "" });
  heard.length = 0;
  service.takeInterpreter(interpreters[2]!); // knows /#/a only
  dtab.set({ at: "ok", value: dtabFrom("/svc => /#/a") });
  service.moveNames();
  let followed = false;
  const done = service.followed().then(() => (followed = true));
  await Promise.resolve();
  expect([followed, heard.length > 0 && heard.length < 50]).toEqual([false, true]);
  for (let turns = 0; turns < 200 && !followed; turns++) {
    env.endTurn();
    await Promise.resolve();
  }
  await done;
  expect(heard).toEqual(Array.from({ length: 50 }, () => "/#/a/x"));
  expect(namers[1].observerCount).toBe(0);
  service.close();
});
