import { describe, expect, test } from "vitest";
import { FakeResolver } from "../../test/support/fake-discovery.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { AddressState, BoundName } from "../core/endpoint.ts";
import { showTree } from "../core/name-tree.ts";
import { Path, pathFrom } from "../core/path.ts";
import { Hosts } from "./hosts.ts";
import { NamerTable, ask } from "./namer-table.ts";
import { utilityNamers } from "./utility-namers.ts";

const env = new ManualEnv();
const resolver = new FakeResolver();
const table = new NamerTable([], utilityNamers(new Hosts(env, resolver)));

function lookup(text: string): ReturnType<typeof ask> {
  const path = pathFrom(text);
  const [namer] = table.matching(path);
  if (namer === undefined) throw new Error(`no namer for ${text}`);
  return ask(namer, path);
}

function shown(text: string): string {
  const state = lookup(text).sample();
  if (state.at !== "ok") return state.at;
  return showTree(state.value, (name) => (name instanceof Path ? name.show() : showBound(name)));
}

function showBound(name: BoundName): string {
  return `${name.kind === "canned" ? `${name.canned.status} ` : ""}[${name.id.show()}] ${name.residual.show()}`;
}

/** The live addresses of a name, as they are told. */
function follow(text: string): { readonly states: string[] } & Disposable {
  const state = lookup(text).sample();
  if (
    state.at !== "ok" ||
    state.value.kind !== "leaf" ||
    !("kind" in state.value.value) ||
    state.value.value.kind !== "endpoints"
  )
    throw new Error(`${text} has no endpoints`);
  const states: string[] = [];
  const observation = state.value.value.addresses.observe((addresses) => states.push(showAddresses(addresses)));
  return { states, [Symbol.dispose]: () => observation[Symbol.dispose]() };
}

function showAddresses(state: AddressState): string {
  return state.at === "bound" ? state.addresses.map((a) => `${a.host}:${a.port}*${a.weight}`).join(" ") : state.at;
}

describe("built-in namers (linkerd1 §3.4)", () => {
  test.each([
    ["/$/inet/127.1/8080/foo/bar", "[/$/inet/127.1/8080] /foo/bar"],
    ["/$/inet/8080/rest", "[/$/inet/8080] /rest"],
    ["/$/inet/8080/8081/rest", "[/$/inet/8080/8081] /rest"],
    ["/$/inet/web.example.com/80", "[/$/inet/web.example.com/80] /"],
    ["/$/inet/::1/80", "[/$/inet/::1/80] /"],
    ["/$/inet", "~"],
    ["/$/inet/web", "~"],
    ["/$/inet/web/http", "~"],
    ["/$/inet/web/0", "~"],
    ["/$/inet/web/65536", "~"],
    ["/$/inet/65535", "[/$/inet/65535] /"],
    ["/$/fixedinet/web/80/x", "[/$/fixedinet/web/80] /x"],
    ["/$/fixedinet/80", "[/$/fixedinet/80] /"],
    ["/$/io.buoyant.rinet/443/foo.com/x", "[/$/io.buoyant.rinet/443/foo.com] /x"],
    ["/$/io.buoyant.rinet/foo.com/443", "~"],
    ["/$/io.buoyant.rinet/443", "~"],
    ["/$/nil", "$"],
    ["/$/nil/a/b", "$"],
    ["/$/fail/a", "!"],
    ["/$/io.buoyant.http.status/401/foo/bar", "401 [/$/io.buoyant.http.status/401] /foo/bar"],
    ["/$/io.buoyant.http.status/600", "~"],
    ["/$/io.buoyant.http.status/foo", "~"],
    ["/$/io.buoyant.http.status", "~"],
    ["/$/io.buoyant.hostportPfx/ia/127.1:8080/etc", "/ia/127.1/8080/etc"],
    ["/$/io.buoyant.hostportPfx/ia/google.com:http/etc", "/ia/google.com/http/etc"],
    ["/$/io.buoyant.hostportPfx/ia/google.com:8180:abc/etc", "~"],
    ["/$/io.buoyant.hostportPfx/ia/google.com", "~"],
    ["/$/io.buoyant.hostportPfx/ia", "~"],
    ["/$/io.buoyant.hostportPfx/ia/google.com:HTTP", "~"],
    [`/$/io.buoyant.hostportPfx/ia/h:${"a".repeat(63)}`, `/ia/h/${"a".repeat(63)}`],
    [`/$/io.buoyant.hostportPfx/ia/h:${"a".repeat(64)}`, "~"],
    ["/$/io.buoyant.porthostPfx/ia/127.1:8080/etc", "/ia/8080/127.1/etc"],
    ["/$/io.buoyant.porthostPfx/ia/::1", "~"],
    ["/$/io.buoyant.http.anyMethod/GET/foo/bar", "/foo/bar"],
    ["/$/io.buoyant.http.anyMethod/A.B/foo", "~"],
    ["/$/io.buoyant.http.anyMethodPfx/foo/GET/bar", "/foo/bar"],
    ["/$/io.buoyant.http.anyMethodPfx/foo/get/bar", "~"],
    ["/$/io.buoyant.http.anyHost/a.b/foo", "/foo"],
    ["/$/io.buoyant.http.anyHost/a.b", "/"],
    ["/$/io.buoyant.http.anyHost/a%b/foo", "~"],
    ["/$/io.buoyant.http.anyHost", "~"],
    ["/$/io.buoyant.http.anyHostPfx/foo/a.b/bar", "/foo/bar"],
    ["/$/io.buoyant.http.anyHostPfx/foo/a%b/bar", "~"],
    ["/$/io.buoyant.http.subdomainOf/a.b/foo.a.b/bar", "/foo/bar"],
    ["/$/io.buoyant.http.subdomainOf/a.b/fooa.b/bar", "~"],
    ["/$/io.buoyant.http.subdomainOf/a.b/.a.b/bar", "~"],
    ["/$/io.buoyant.http.subdomainOf/a.b/x.y.a.b", "/x.y"],
    ["/$/io.buoyant.http.subdomainOfPfx/a.b/foo/bar_x-y.a.b:9090/bah", "/foo/bar_x-y/bah"],
    ["/$/io.buoyant.http.subdomainOfPfx/a.b/foo/bar.c", "~"],
    ["/$/io.buoyant.http.domainToPath/foo.buoyant.io/r", "/io/buoyant/foo/r"],
    ["/$/io.buoyant.http.domainToPath/foo.io.", "/io/foo"],
    ["/$/io.buoyant.http.domainToPath/foo..io", "~"],
    ["/$/io.buoyant.http.domainToPathPfx/pfx/foo.buoyant.io", "/pfx/io/buoyant/foo"],
  ])("%s is %s", (path, tree) => {
    expect(shown(path)).toBe(tree);
  });

  test("the endpoints of a host follow its addresses", () => {
    resolver.found("live.example", "10.0.0.1");
    using live = follow("/$/inet/live.example/80");
    using fixed = follow("/$/fixedinet/live.example/80");
    using reversed = follow("/$/io.buoyant.rinet/80/live.example");
    resolver.found("live.example", "10.0.0.2", "10.0.0.3");
    env.advance(5_000);
    resolver.table.set("live.example", { at: "unknown" });
    env.advance(5_000);
    expect(live.states).toEqual(["10.0.0.1:80*1", "10.0.0.2:80*1 10.0.0.3:80*1", "neg"]);
    expect(reversed.states).toEqual(live.states);
    expect(fixed.states).toEqual(["10.0.0.1:80*1"]);
  });

  test("the endpoints of a host nobody has answered for are pending, then failed", () => {
    using live = follow("/$/inet/slow.example/80");
    resolver.waiting.at(-1)?.answer({ at: "failed", message: "no server" });
    expect(live.states).toEqual(["pending", "failed"]);
  });

  test("a port alone is this machine's", () => {
    expect(follow("/$/inet/8080").states).toEqual(["127.0.0.1:8080*1"]);
  });
});

describe("NamerTable", () => {
  test("has no built-in namer for a class nobody knows, and says so", () => {
    const path = pathFrom("/$/no.such.Class/x");
    expect(table.matching(path)).toEqual([]);
    expect(table.unmatched(path).sample()).toMatchObject({ at: "failed" });
    expect(table.unmatched(pathFrom("/$")).sample()).toMatchObject({ at: "ok", value: { kind: "neg" } });
    expect(table.unmatched(pathFrom("/svc/x")).sample()).toMatchObject({ at: "ok", value: { kind: "neg" } });
  });
});
