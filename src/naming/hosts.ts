// Host names as live sets of IP addresses.
import { isIP } from "node:net";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { Resolution, Resolver } from "../core/resolver.ts";
import { SharedVars } from "../core/shared-vars.ts";
import { Constant, Observed, Source, type Var } from "../core/var.ts";
import { Turnstile } from "./turnstile.ts";

/** What is known of a host name. */
export type HostState =
  | { readonly at: "pending" }
  | { readonly at: "bound"; readonly addresses: readonly string[] }
  | { readonly at: "neg" }
  | { readonly at: "failed"; readonly message: string };

/** Finagle `InetResolver`: how often an observed name is looked up again, and how many look-ups run at a time. */
const REFRESH_MS = 5_000;
const MAX_CONCURRENT = 100;
/** Finagle `FixedInetResolver`: how many names are remembered for ever. */
const MAX_FIXED = 16_000;
/** A look-up that takes longer counts as failed until its answer comes after all. */
const LOOKUP_TIMEOUT_MS = 10_000;

const pending: HostState = { at: "pending" };

/**
 * Resolves host names for everything that names endpoints. IP literals and `localhost` are known at once. A look-up that fails after a good one
 * changes nothing; the answer "no such host" does.
 */
export class Hosts {
  readonly #env: Env;
  readonly #resolver: Resolver;
  readonly #turnstile = new Turnstile(MAX_CONCURRENT);
  readonly #live = new SharedVars<HostState>(pending);
  readonly #fixed = new Map<string, Source<HostState>>();

  constructor(env: Env, resolver: Resolver) {
    this.#env = env;
    this.#resolver = resolver;
  }

  /** The addresses of a host, looked up every 5 s while observed, once for all observers. */
  live(host: string): Var<HostState> {
    const name = host.toLowerCase();
    return literal(host) ?? this.#live.at(name, (set) => this.#poll(name, set));
  }

  /** The addresses of a host as they are at the first look-up that succeeds. */
  fixed(host: string): Var<HostState> {
    const known = literal(host);
    if (known !== undefined) return known;
    return new Observed((listener) => this.#fixedSource(host.toLowerCase()).observe(listener));
  }

  #fixedSource(host: string): Source<HostState> {
    const known = this.#fixed.get(host);
    if (known !== undefined) return known;
    const source = new Source(pending);
    const [oldest] = this.#fixed.keys();
    if (oldest !== undefined && this.#fixed.size >= MAX_FIXED) this.#fixed.delete(oldest);
    this.#fixed.set(host, source);
    this.#lookUp(host, (resolution, over) => {
      const state = after(pending, resolution);
      if (over && state.at !== "bound" && this.#fixed.get(host) === source) this.#fixed.delete(host);
      source.set(state);
    });
    return source;
  }

  #poll(host: string, set: (state: HostState) => void): Disposable {
    let state = pending;
    let lookup: Disposable | undefined;
    let timer: Timer | undefined;
    const begin = () => {
      lookup = this.#lookUp(host, (resolution, over) => {
        if (over) timer = this.#env.timers.after(REFRESH_MS, begin);
        state = after(state, resolution);
        set(state);
      });
    };
    begin();
    return {
      [Symbol.dispose]: () => {
        lookup?.[Symbol.dispose]();
        timer?.cancel();
      },
    };
  }

  /**
   * One look-up, when it is its turn. Disposed of, it never calls back. It keeps its place until its answer has come: the system works through
   * its own queue, and what nobody waits for any longer would only grow there, and stand before everything else when answers come again.
   * @param told hears a failure when it takes too long, and then what it came to: `over`.
   */
  #lookUp(host: string, told: (resolution: Resolution, over: boolean) => void): Disposable {
    let listening = true;
    const turn = this.#turnstile.enter((leave) => {
      const timer = this.#env.timers.after(LOOKUP_TIMEOUT_MS, () => {
        if (listening) told({ at: "failed", message: `no answer about ${host} in ${LOOKUP_TIMEOUT_MS} ms` }, false);
      });
      this.#resolver.resolve(host, (resolution) => {
        timer.cancel();
        leave();
        if (listening) told(resolution, true);
      });
    });
    return {
      [Symbol.dispose]: () => {
        listening = false;
        turn[Symbol.dispose]();
      },
    };
  }
}

function after(state: HostState, resolution: Resolution): HostState {
  if (resolution.at === "failed") return state.at === "pending" || state.at === "failed" ? resolution : state;
  if (resolution.at === "unknown") return state.at === "neg" ? state : { at: "neg" };
  const addresses = [...new Set(resolution.addresses)].sort();
  return state.at === "bound" && addresses.join() === state.addresses.join() ? state : { at: "bound", addresses };
}

function literal(host: string): Var<HostState> | undefined {
  const address = literalAddress(host);
  return address === undefined ? undefined : new Constant({ at: "bound", addresses: [address] });
}

/** The address a text stands for without asking anybody: an IP literal, `127.1`, `localhost` or nothing at all; else undefined. */
export function literalAddress(host: string): string | undefined {
  if (isIP(host) !== 0) return host;
  return host === "" || host.toLowerCase() === "localhost" ? "127.0.0.1" : shortIpv4(host);
}

/** `127.1` and `10.1.3`, as inet_aton(3) reads them: the last number fills all bytes that are left. */
function shortIpv4(host: string): string | undefined {
  if (!/^\d{1,3}(\.\d{1,3})?\.\d{1,8}$/.test(host)) return undefined;
  const numbers = host.split(".").map(Number);
  const tail = numbers.pop() ?? 0;
  const tailBytes = 4 - numbers.length;
  if (numbers.some((n) => n > 255) || tail >= 256 ** tailBytes) return undefined;
  const bytes = Array.from({ length: tailBytes }, (_, i) => Math.floor(tail / 256 ** (tailBytes - 1 - i)) % 256);
  return [...numbers, ...bytes].join(".");
}
