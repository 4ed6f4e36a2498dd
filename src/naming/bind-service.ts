// The control side of the thread border for one router: answers `bind` and `watch` with live results, as plain messages.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { Activity, ActivityState } from "../core/activity.ts";
import type { BoundTree, EndpointInfo, EndpointSet, ToControl, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import { type AddressState, type BoundName, endpointKey } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";
import { parsePath, Path } from "../core/path.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { parseDtab } from "./dtab-parser.ts";
import type { NameInterpreter } from "./interpreter.ts";

/** A name that data asked for. */
interface Binding {
  readonly path: Path;
  readonly local: Dtab;
  observation: Disposable | null;
}

/** A changed dtab rebinds in slices of this length, so that no request waits longer for the loop. */
const SLICE_MS = 3;

/** A client that data watches; every one-shot counts. */
interface Watch {
  users: number;
  observation: Disposable | null;
}

/** Binds names for one router and tells data whenever something changes. */
export class BindService {
  readonly #label: string;
  readonly #interpreter: NameInterpreter;
  readonly #env: Env;
  readonly #tell: (message: ToData) => void;
  readonly #bindings = new Map<number, Binding>();
  readonly #dtabs: Disposable;
  /** Undefined until there is a dtab. */
  #dtab: Dtab | undefined;
  #problem: string | undefined;
  /** Bindings that still follow an earlier dtab. */
  #stale: number[] = [];
  #rebinding: Timer | null = null;
  /** The bound name last seen for each id, so that a watch finds its addresses. */
  readonly #names = new Map<string, BoundName>();
  readonly #watches = new Map<string, Watch>();

  /** @param dtab the base dtab; later values rebind every name, and failures leave the last one in force. */
  constructor(
    label: string,
    interpreter: NameInterpreter,
    dtab: Activity<Dtab>,
    env: Env,
    tell: (message: ToData) => void,
  ) {
    this.#label = label;
    this.#interpreter = interpreter;
    this.#env = env;
    this.#tell = tell;
    this.#dtabs = dtab.observe((state) => this.#dtabIs(state));
  }

  /** The base dtab in force; undefined until there is one. */
  get dtab(): Dtab | undefined {
    return this.#dtab;
  }

  /** Takes a message from data; what is known already is answered before this returns. */
  receive(message: ToControl): void {
    if (message.type === "bind") this.#bind(message.binding, message.path, message.localDtab);
    else if (message.type === "unbind") this.#unbind(message.binding);
    else if (message.type === "watch") this.#watch(message.client);
    else this.#unwatch(message.client);
  }

  close(): void {
    this.#dtabs[Symbol.dispose]();
    this.#rebinding?.cancel();
    for (const binding of [...this.#bindings.keys()]) this.#unbind(binding);
    for (const watch of this.#watches.values()) watch.observation?.[Symbol.dispose]();
    this.#watches.clear();
    this.#names.clear();
  }

  #bind(binding: number, pathText: string, localText: string): void {
    const path = parsePath(pathText);
    const local = parseDtab(localText);
    if (!(path instanceof Path)) return this.#failed(binding, path.message);
    if (local instanceof SyntaxProblem) return this.#failed(binding, local.message);
    const made: Binding = { path, local, observation: null };
    this.#bindings.set(binding, made);
    this.#follow(binding, made);
    return undefined;
  }

  // Binds under the dtab of the moment; the old observation ends only after the new one, so that what both use stays.
  #follow(number: number, binding: Binding): void {
    const dtab = this.#dtab;
    if (dtab === undefined) {
      if (this.#problem !== undefined) this.#failed(number, this.#problem);
      return;
    }
    const old = binding.observation;
    const { local, path } = binding;
    binding.observation = this.#interpreter.bind(dtab, local, path).observe((state) => {
      if (state.at === "ok") this.#bound(number, state.value);
      else if (state.at === "failed") this.#failed(number, state.message);
    });
    old?.[Symbol.dispose]();
  }

  #bound(binding: number, tree: NameTree<BoundName>): void {
    const ids: string[] = [];
    this.#tell({ type: "bound", router: this.#label, binding, tree: this.#plain(tree, ids) });
    for (const id of ids) if (!this.#watches.has(id)) this.#names.delete(id); // data did not want it
  }

  #dtabIs(state: ActivityState<Dtab>): void {
    if (state.at === "pending") return;
    if (state.at === "failed") this.#problem = state.message;
    else this.#dtab = state.value;
    if (state.at === "failed" && this.#dtab !== undefined) return;
    this.#stale = [...this.#bindings.keys()];
    this.#rebinding?.cancel();
    this.#rebind();
  }

  #rebind(): void {
    this.#rebinding = null;
    const startedMs = this.#env.clock.nowMs();
    for (let number = this.#stale.pop(); number !== undefined; number = this.#stale.pop()) {
      const binding = this.#bindings.get(number);
      if (binding !== undefined) this.#follow(number, binding);
      if (this.#env.clock.nowMs() - startedMs >= SLICE_MS && this.#stale.length > 0) {
        this.#rebinding = this.#env.timers.after(0, () => this.#rebind());
        return;
      }
    }
  }

  #failed(binding: number, message: string): void {
    this.#tell({ type: "unbound", router: this.#label, binding, message });
  }

  #unbind(binding: number): void {
    this.#bindings.get(binding)?.observation?.[Symbol.dispose]();
    this.#bindings.delete(binding);
  }

  #plain(tree: NameTree<BoundName>, ids: string[]): BoundTree {
    switch (tree.kind) {
      case "leaf":
        return this.#leaf(tree.value, ids);
      case "union": {
        const branches = tree.branches.map((b) => ({ weight: b.weight, tree: this.#plain(b.tree, ids) }));
        return { type: "union", branches };
      }
      case "alt": // decided by the interpreter; one that got here is its own first answer
        return this.#plain(tree.trees[0] ?? { kind: "neg" }, ids);
      default:
        return { type: tree.kind };
    }
  }

  #leaf(name: BoundName, ids: string[]): BoundTree {
    const id = name.id.show();
    const residual = name.residual.size === 0 ? "" : name.residual.show();
    if (name.kind === "canned") return { type: "leaf", id, residual, canned: name.canned.status };
    const known = this.#names.get(id);
    this.#names.set(id, name);
    ids.push(id);
    if (known !== undefined && known !== name) this.#renamed(id);
    return { type: "leaf", id, residual, canned: 0 };
  }

  // The same id with another stream of addresses: whoever watches it follows the new one.
  #renamed(id: string): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    const old = watch.observation;
    watch.observation = this.#observe(id);
    old?.[Symbol.dispose]();
  }

  #watch(id: string): void {
    const watch = this.#watches.get(id);
    if (watch !== undefined) {
      watch.users++;
      const name = this.#names.get(id);
      if (name?.kind === "endpoints") this.#report(id, name.addresses.sample());
      return;
    }
    const made: Watch = { users: 1, observation: null };
    this.#watches.set(id, made);
    made.observation = this.#observe(id);
  }

  #unwatch(id: string): void {
    const watch = this.#watches.get(id);
    if (watch === undefined || --watch.users > 0) return;
    watch.observation?.[Symbol.dispose]();
    this.#watches.delete(id);
    this.#names.delete(id);
  }

  #observe(id: string): Disposable | null {
    const name = this.#names.get(id);
    if (name?.kind !== "endpoints") return null;
    return name.addresses.observe((state) => this.#report(id, state));
  }

  #report(client: string, state: AddressState): void {
    this.#tell({ type: "endpoints", router: this.#label, client, set: endpointSet(state) });
  }
}

function endpointSet(state: AddressState): EndpointSet {
  if (state.at !== "bound") return state;
  const endpoints: EndpointInfo[] = state.addresses.map((address) => ({
    key: endpointKey(address),
    host: address.host,
    port: address.port,
    weight: address.weight,
  }));
  return { at: "bound", endpoints };
}
