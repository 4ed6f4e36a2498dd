import { describe, expect, test } from "vitest";
import { FakeResolver } from "../../test/support/fake-discovery.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { Var } from "../core/var.ts";
import { Hosts, type HostState, literalAddress } from "./hosts.ts";

function world(): { readonly env: ManualEnv; readonly resolver: FakeResolver; readonly hosts: Hosts } {
  const env = new ManualEnv();
  const resolver = new FakeResolver();
  return { env, resolver, hosts: new Hosts(env, resolver) };
}

function follow(host: Var<HostState>): { readonly states: string[] } & Disposable {
  const states: string[] = [];
  const observation = host.observe((s) =>
    states.push(s.at === "bound" ? s.addresses.join(" ") : s.at === "failed" ? s.message : s.at),
  );
  return { states, [Symbol.dispose]: () => observation[Symbol.dispose]() };
}

describe("Hosts.live", () => {
  test("looks a name up again every 5 s and tells changes only", () => {
    const { env, resolver, hosts } = world();
    resolver.found("web", "10.0.0.2", "10.0.0.1", "10.0.0.2");
    using followed = follow(hosts.live("web"));
    env.advance(4_999);
    expect(resolver.asked).toEqual(["web"]);
    resolver.found("web", "10.0.0.1", "10.0.0.2");
    env.advance(1);
    resolver.found("web", "10.0.0.3");
    env.advance(5_000);
    expect(resolver.asked).toHaveLength(3);
    expect(followed.states).toEqual(["10.0.0.1 10.0.0.2", "10.0.0.3"]);
  });

  test("asks once for all observers, whatever the case of the name, and stops after the last", () => {
    const { env, resolver, hosts } = world();
    const first = follow(hosts.live("web"));
    const second = follow(hosts.live("WEB"));
    expect(resolver.asked).toEqual(["web"]);
    resolver.waiting[0]?.answer({ at: "found", addresses: ["10.0.0.1"] });
    first[Symbol.dispose]();
    env.advance(5_000);
    expect(resolver.asked).toHaveLength(2);
    second[Symbol.dispose]();
    resolver.waiting[1]?.answer({ at: "found", addresses: ["10.0.0.2"] });
    env.advance(60_000);
    expect(resolver.asked).toHaveLength(2);
    expect([first.states, second.states]).toEqual([
      ["pending", "10.0.0.1"],
      ["pending", "10.0.0.1"],
    ]);
    expect(env.pendingTimers).toBe(0);
  });

  test("keeps the last good answer through failures, and believes that a host is gone", () => {
    const { env, resolver, hosts } = world();
    resolver.table.set("web", { at: "failed", message: "no server" });
    using followed = follow(hosts.live("web"));
    for (const next of ["found", "failed", "unknown", "failed", "found"] as const) {
      if (next === "found") resolver.found("web", "10.0.0.1");
      else resolver.table.set("web", { at: next, message: "no server" });
      env.advance(5_000);
    }
    expect(followed.states).toEqual(["no server", "10.0.0.1", "neg", "10.0.0.1"]);
  });

  test("asks for at most a hundred names at a time, the others in turn", () => {
    const { env, resolver, hosts } = world();
    const all = Array.from({ length: 130 }, (_, i) => follow(hosts.live(`h${i}`)));
    expect(resolver.asked).toHaveLength(100);
    all[100]?.[Symbol.dispose]();
    for (const { answer } of resolver.waiting.splice(0, 2)) answer({ at: "unknown" });
    expect(resolver.asked.slice(100)).toEqual(["h101", "h102"]);
    for (const followed of all) followed[Symbol.dispose]();
    for (const { answer } of resolver.waiting) answer({ at: "unknown" });
    expect(env.pendingTimers).toBe(0);
  });

  test("tells of an answer that does not come, asks no second time meanwhile, and takes it when it comes", () => {
    const { env, resolver, hosts } = world();
    const all = Array.from({ length: 101 }, (_, i) => follow(hosts.live(`h${i}`)));
    env.advance(10_000);
    expect(all[0]?.states).toEqual(["pending", "no answer about h0 in 10000 ms"]);
    expect(all[100]?.states).toEqual(["pending"]); // it has not had its turn
    env.advance(60_000);
    expect(resolver.asked).toHaveLength(100);
    resolver.waiting[0]?.answer({ at: "found", addresses: ["10.0.0.1"] });
    expect(all[0]?.states.at(-1)).toBe("10.0.0.1");
    expect(resolver.asked.slice(100)).toEqual(["h100"]);
    for (const { answer } of resolver.waiting.slice(1)) answer({ at: "unknown" });
    env.advance(5_000);
    expect(resolver.asked.filter((host) => host === "h0")).toHaveLength(2);
    for (const followed of all) followed[Symbol.dispose]();
  });

  test.each([
    ["10.1.2.3", "10.1.2.3"],
    ["::1", "::1"],
    ["localhost", "127.0.0.1"],
    ["LocalHost", "127.0.0.1"],
    ["", "127.0.0.1"],
    ["127.1", "127.0.0.1"],
    ["10.1.3", "10.1.0.3"],
    ["10.258", "10.0.1.2"],
  ])("knows %j without asking: %s", (host, address) => {
    const { resolver, hosts } = world();
    expect(hosts.live(host).sample()).toEqual({ at: "bound", addresses: [address] });
    expect(hosts.fixed(host).sample()).toEqual({ at: "bound", addresses: [address] });
    expect(resolver.asked).toEqual([]);
  });

  test.each(["web", "256.1", "1.2.65536", "1.2.3.4.5", "1", "1.a"])("does not take %j for an address", (host) => {
    expect(literalAddress(host)).toBeUndefined();
  });
});

describe("Hosts.fixed", () => {
  test("asks once and remembers, observed or not", () => {
    const { env, resolver, hosts } = world();
    resolver.found("web", "10.0.0.1");
    follow(hosts.fixed("web"))[Symbol.dispose]();
    resolver.found("web", "10.0.0.2");
    env.advance(60_000);
    expect(follow(hosts.fixed("web")).states).toEqual(["10.0.0.1"]);
    expect(resolver.asked).toEqual(["web"]);
  });

  test("asks again for whoever comes after a failure", () => {
    const { resolver, hosts } = world();
    resolver.table.set("web", { at: "failed", message: "no server" });
    const early = follow(hosts.fixed("web"));
    resolver.found("web", "10.0.0.1");
    expect(follow(hosts.fixed("web")).states).toEqual(["10.0.0.1"]);
    expect(early.states).toEqual(["no server"]);
  });

  test("tells of an answer that does not come, to all alike, and asks no second time meanwhile", () => {
    const { env, resolver, hosts } = world();
    const early = follow(hosts.fixed("web"));
    env.advance(10_000);
    expect(early.states).toEqual(["pending", "no answer about web in 10000 ms"]);
    expect(follow(hosts.fixed("web")).states).toEqual(["no answer about web in 10000 ms"]);
    expect(resolver.asked).toEqual(["web"]);
    resolver.waiting[0]?.answer({ at: "found", addresses: ["10.0.0.1"] });
    expect(early.states.at(-1)).toBe("10.0.0.1");
  });
});
