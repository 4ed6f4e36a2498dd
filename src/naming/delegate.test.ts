import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyDentry, anyTree } from "../../test/support/arbitrary-names.ts";
import { boundTo, FakeNamer, FakeResolver } from "../../test/support/fake-discovery.ts";
import { bindOnce } from "../../test/support/live-binding.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { Dtab } from "../core/dtab.ts";
import type { AddressState } from "../core/endpoint.ts";
import { fail, leaf } from "../core/name-tree.ts";
import type { Namer } from "../core/namer.ts";
import { Path, pathFrom } from "../core/path.ts";
import { Constant } from "../core/var.ts";
import { renderDelegation } from "./delegation-text.ts";
import { type Delegation, isSettled, outcomeOf } from "./delegation.ts";
import { dtabFrom } from "./dtab-parser.ts";
import { Hosts } from "./hosts.ts";
import { Interpreter } from "./interpreter.ts";
import { NamerTable } from "./namer-table.ts";
import { portTransformer } from "./transformers/port.ts";
import { constTransformer, replaceTransformer } from "./transformers/replace.ts";
import { specificHostTransformer } from "./transformers/specific-host.ts";
import { chained, type Transformer } from "./transformers/transformer.ts";
import { utilityNamers } from "./utility-namers.ts";

function interpreter(...namers: Namer[]): Interpreter {
  return new Interpreter(new NamerTable(namers, utilityNamers(new Hosts(new ManualEnv(), new FakeResolver()))));
}

function transforming(...transformers: readonly Transformer[]): Interpreter {
  const table = new NamerTable([], utilityNamers(new Hosts(new ManualEnv(), new FakeResolver())));
  return new Interpreter(table, chained(transformers));
}

function explain(dtab: string, path: string, by = interpreter()): Delegation {
  return by.delegate(dtabFrom(dtab), Dtab.empty, pathFrom(path)).sample();
}

describe("the explanation of a name (linkerd1 §3.6)", () => {
  const dtab = `
    /beh => /#/error ;
    /bah/humbug => /$/inet/127.1/8080 ;
    /foo => /bah | /beh | /$/fail ;
    /foo => /bar ;
    /boo => /foo ;
    /meh => /heh ;
    /neg => ~ ;
    /two => 2 * /bah & 1 * ! `;
  const error = new FakeNamer("/#/error");
  error.set("humbug", { at: "failed", message: "error naming /#/error/humbug" });

  test("has every step with its rule, and all alternatives", () => {
    const rule = { prefix: "/foo", dst: "/bah | /beh | /$/fail" };
    expect(JSON.parse(JSON.stringify(explain(dtab, "/boo/humbug", interpreter(error))))).toEqual({
      type: "delegate",
      path: "/boo/humbug",
      delegate: {
        type: "alt",
        path: "/foo/humbug",
        dentry: { prefix: "/boo", dst: "/foo" },
        alt: [
          { type: "neg", path: "/bar/humbug", dentry: { prefix: "/foo", dst: "/bar" } },
          {
            type: "delegate",
            path: "/bah/humbug",
            dentry: rule,
            delegate: {
              type: "leaf",
              path: "/$/inet/127.1/8080",
              dentry: { prefix: "/bah/humbug", dst: "/$/inet/127.1/8080" },
              bound: {
                addr: { type: "bound", addrs: [{ ip: "127.0.0.1", port: 8080, meta: {} }], meta: {} },
                id: "/$/inet/127.1/8080",
                path: "/",
              },
            },
          },
          {
            type: "delegate",
            path: "/beh/humbug",
            dentry: rule,
            delegate: {
              type: "exception",
              path: "/#/error/humbug",
              dentry: { prefix: "/beh", dst: "/#/error" },
              message: "error naming /#/error/humbug",
            },
          },
          { type: "fail", path: "/$/fail/humbug", dentry: rule },
        ],
      },
    });
  });

  test.each<[string, unknown]>([
    [
      "/meh",
      {
        type: "delegate",
        path: "/meh",
        delegate: { type: "neg", path: "/heh", dentry: { prefix: "/meh", dst: "/heh" } },
      },
    ],
    [
      "/neg",
      { type: "delegate", path: "/neg", delegate: { type: "neg", path: "~", dentry: { prefix: "/neg", dst: "~" } } },
    ],
    ["/unknown", { type: "neg", path: "/unknown" }],
    ["/$/nil/x", { type: "empty", path: "/$/nil/x" }],
  ])("of %s is %j", (path, tree) => {
    expect(explain(dtab, path)).toEqual(tree);
  });

  test("shows a union with its weights at the step that has it", () => {
    const rule = { prefix: "/two", dst: "2.00*/bah & !" };
    expect(explain(dtab, "/two/humbug")).toMatchObject({
      type: "union",
      path: "/two/humbug",
      union: [
        { weight: 2, tree: { type: "delegate", path: "/bah/humbug", dentry: rule } },
        { weight: 1, tree: { type: "fail", path: "!", dentry: rule } },
      ],
    });
  });

  test("shows what a namer made of a name, and what weight and metadata an address has", () => {
    const namer = new FakeNamer("/#/alias");
    const addresses = new Constant({
      at: "bound" as const,
      addresses: [{ host: "10.0.0.1", port: 80, weight: 0.5, meta: { authority: "a.b" } }],
    });
    namer.set("web", { at: "ok", value: leaf(pathFrom("/#/alias/real")) });
    namer.set("real", { at: "ok", value: leaf({ ...boundTo("/#/alias/real"), kind: "endpoints", addresses }) });
    expect(explain("", "/#/alias/web/r", interpreter(namer))).toMatchObject({
      type: "delegate",
      path: "/#/alias/web/r",
      delegate: {
        type: "leaf",
        path: "/#/alias/real",
        namer: "/#/alias",
        bound: {
          addr: { addrs: [{ ip: "10.0.0.1", port: 80, meta: { authority: "a.b", endpoint_addr_weight: 0.5 } }] },
        },
      },
    });
  });

  test("is live, and knows when nothing is pending any more", () => {
    const namer = new FakeNamer("/#/d");
    namer.set("web", { at: "pending" });
    const seen: Delegation[] = [];
    using observation = interpreter(namer)
      .delegate(dtabFrom("/svc => /#/d"), Dtab.empty, pathFrom("/svc/web"))
      .observe((tree) => seen.push(tree));
    expect(observation).toBeDefined();
    namer.add("web");
    expect(seen.map(isSettled)).toEqual([false, true]);
    expect(seen.map(outcomeOf)).toEqual(["pending", "bound"]);
  });

  test("ends where binding would: at the depth limit", () => {
    expect(JSON.stringify(explain("/s => /s/x", "/s"))).toContain("takes more than 100 rewriting steps");
    expect(JSON.stringify(explain("/a => /a/x & /a/y", "/a"))).toContain("leads to more than 2000 look-ups");
  });

  test("comes to the same outcome as binding", () => {
    const path = fc
      .array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 2 })
      .map((segments) => Path.from(segments));
    const utility = fc.constantFrom("/$/nil", "/$/fail", "/$/inet/1", "/#/d/x", "/#/d/y").map(pathFrom);
    const entries = fc.array(anyDentry(fc.constantFrom("a", "b"), anyTree(fc.oneof(path, utility))), { maxLength: 3 });
    const namer = new FakeNamer("/#/d");
    namer.set("x", { at: "pending" });
    namer.set("y", { at: "ok", value: fail });
    const by = interpreter(namer);
    fc.assert(
      fc.property(entries, (rules) => {
        const dtab = Dtab.of(rules);
        const bound = bindOnce(by, dtab, Path.of("a", "b"));
        const explained = by.delegate(dtab, Dtab.empty, Path.of("a", "b")).sample();
        if (JSON.stringify(explained).includes("leads to more than")) return; // it looks at more, so it gives up earlier
        const outcome = outcomeOf(explained);
        if (bound.at !== "ok") expect(outcome).toBe(bound.at);
        else if (bound.value.kind !== "union")
          expect(outcome).toBe(bound.value.kind === "leaf" ? "bound" : bound.value.kind);
        else expect(["bound", "empty"]).toContain(outcome);
      }),
      { numRuns: 60 },
    );
  });
});

describe("renderDelegation", () => {
  test("marks the way a request goes, and puts the rule beside each step", () => {
    const namer = new FakeNamer("/#/io.l5d.fs");
    namer.add("web");
    const rules = "/svc => /host; /host => /#/io.l5d.fs | /$/inet/8080; /host/x => ~";
    const tree = explain(rules, "/svc/web/r", interpreter(namer));
    expect(renderDelegation(tree)).toBe(`\
> /svc/web/r
>   /host/web/r             /svc => /host
>     /#/io.l5d.fs/web/r    /host => /#/io.l5d.fs | /$/inet/8080
>       bound: /#/io.l5d.fs/web, residual /r, no addresses
      | /$/inet/8080/web/r  /host => /#/io.l5d.fs | /$/inet/8080
        bound: /$/inet/8080, residual /web/r, 127.0.0.1:8080
`);
  });

  test("shows weights, dead ends and answers of the proxy itself", () => {
    const dtab = "/svc => 9 * /$/inet/::1/80 & 1 * /$/io.buoyant.http.status/503 & 2 * ~ & 3*!";
    const rule = "/svc => 9.00*/$/inet/::1/80 & /$/io.buoyant.http.status/503 & 2.00*~ & 3.00*!";
    expect(renderDelegation(explain(dtab, "/svc"))).toBe(`\
> /svc
>   9 * /$/inet/::1/80                 ${rule}
>     bound: /$/inet/::1/80, [::1]:80
>   1 * /$/io.buoyant.http.status/503  ${rule}
>     bound: /$/io.buoyant.http.status/503, answered here with 503
    2 * ~  (no such name)              ${rule}
    3 * !  (fail: stop)                ${rule}
`);
    expect(renderDelegation(explain("/n=>/none|/$/nil", "/n/a"))).toBe(`\
> /n/a
    /none/a  (no such name)               /n => /none | /$/nil
>   /$/nil/a  (exists, has no addresses)  /n => /none | /$/nil
`);
    expect(renderDelegation(explain("/f=>/$/x", "/f"))).toContain("(failed: there is no built-in namer /$/x;");
  });

  test("shows what transformers made of a bound name, one inside the other", () => {
    const by = transforming(
      portTransformer(pathFrom("/%/io.l5d.port/4141"), 4141),
      specificHostTransformer(pathFrom("/%/here"), "10.0.0.9"),
    );
    const tree = explain("/svc=>/$/inet/10.0.0.1/80", "/svc/x", by);
    expect([outcomeOf(tree), isSettled(tree)]).toEqual(["bound", true]);
    expect(renderDelegation(tree)).toBe(`\
> /svc/x
>   /$/inet/10.0.0.1/80/x                              /svc => /$/inet/10.0.0.1/80
>     bound: /$/inet/10.0.0.1/80, residual /x, 10.0.0.1:80
>     /%/io.l5d.port/4141/$/inet/10.0.0.1/80           by io.l5d.port
>       bound: /%/io.l5d.port/4141/$/inet/10.0.0.1/80, residual /x, 10.0.0.1:4141
>       /%/here/%/io.l5d.port/4141/$/inet/10.0.0.1/80  by io.l5d.specificHost
>         bound: /%/here/%/io.l5d.port/4141/$/inet/10.0.0.1/80, residual /x, no such host or service
`);
    expect(JSON.parse(JSON.stringify(tree))).toMatchObject({
      delegate: {
        type: "transformation",
        path: "/$/inet/10.0.0.1/80/x",
        name: "io.l5d.port",
        bound: { id: "/$/inet/10.0.0.1/80", path: "/x" },
        tree: { type: "transformation", path: "/%/io.l5d.port/4141/$/inet/10.0.0.1/80" },
      },
    });
  });

  test("shows what io.l5d.replace and io.l5d.const put in place of names", () => {
    const there = leaf(boundTo("/$/inet/there/1"));
    const replacing = transforming(replaceTransformer(pathFrom("/%/r"), there));
    const constant = transforming(constTransformer(pathFrom("/%/c"), there));
    expect(renderDelegation(explain("/svc=>/none|/$/inet/::1/80", "/svc", replacing))).toBe(`\
> /svc
    /none  (no such name)  /svc => /none | /$/inet/::1/80
>   /$/inet/::1/80         /svc => /none | /$/inet/::1/80
>     bound: /$/inet/::1/80, [::1]:80
>     /%/r/$/inet/there/1  by io.l5d.replace
>       bound: /%/r/$/inet/there/1, no addresses
`);
    expect(renderDelegation(explain("/svc=>/none", "/svc", replacing))).toBe(`\
> /svc
>   /none  (no such name)  /svc => /none
`);
    const none = explain("/svc=>/none", "/svc", constant);
    expect([outcomeOf(none), isSettled(none)]).toEqual(["bound", true]);
    expect(renderDelegation(none)).toBe(`\
> /svc
>   /none  (no such name)  /svc => /none
>   /%/c/$/inet/there/1    by io.l5d.const
>     bound: /%/c/$/inet/there/1, no addresses
`);
    const nil = transforming(replaceTransformer(pathFrom("/%/r"), { kind: "empty" }));
    expect(outcomeOf(explain("/svc=>/$/inet/::1/80", "/svc", nil))).toBe("empty");
  });

  test("names the namer that made a step, and addresses that are not there", () => {
    const namer = new FakeNamer("/#/alias");
    const withAddresses = (name: string, state: AddressState) => {
      namer.set(name, {
        at: "ok",
        value: leaf({ ...boundTo(`/#/alias/${name}`), kind: "endpoints", addresses: new Constant(state) }),
      });
    };
    namer.set("web", { at: "ok", value: leaf(pathFrom("/#/alias/real")) });
    withAddresses("real", { at: "failed", message: "no server" });
    expect(renderDelegation(explain("", "/#/alias/web", interpreter(namer)))).toBe(`\
> /#/alias/web
>   /#/alias/real  by /#/alias
>     bound: /#/alias/real, addresses unknown: no server
`);
    const addresses = Array.from({ length: 10 }, (_, i) => ({ host: `10.0.0.${i}`, port: 80, weight: 1, meta: {} }));
    withAddresses("many", { at: "bound", addresses });
    expect(renderDelegation(explain("", "/#/alias/many", interpreter(namer)))).toMatch(/ 10\.0\.0\.7:80 and 2 more\n$/);
    withAddresses("none", { at: "neg" });
    expect(renderDelegation(explain("", "/#/alias/none", interpreter(namer)))).toContain("no such host or service");
    withAddresses("soon", { at: "pending" });
    expect(renderDelegation(explain("", "/#/alias/soon", interpreter(namer)))).toContain("addresses not known yet");
  });
});
