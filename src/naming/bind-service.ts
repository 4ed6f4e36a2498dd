// The control side of the thread border for one router: answers `bind` and `watch` with live results, as plain messages.
import type { Env } from "../base/env.ts";
import type { Activity, ActivityState } from "../core/activity.ts";
import type { EndpointInfo, EndpointSet, ToControl, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import { type AddressState, type EndpointsName, endpointKey, sameBound } from "../core/endpoint.ts";
import { sameTree } from "../core/name-tree.ts";
import { parsePath, Path } from "../core/path.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { parseDtab } from "./dtab-parser.ts";
import type { NameInterpreter } from "./interpreter.ts";
import type { BindingState, LiveNames } from "./live-names.ts";
import { PlainTree } from "./plain-tree.ts";

/** A client that data watches; every one-shot counts. */
interface Watch {
  users: number;
  /** Undefined while no tree with the client in it has been told. */
  name: EndpointsName | undefined;
  observation: Disposable | undefined;
}

/** Binds names for one router and tells data whenever something changes. */
export class BindService {
  readonly #label: string;
  readonly #tell: (message: ToData) => void;
  readonly #names: LiveNames;
  readonly #dtabs: Disposable;
  /** Why there is no dtab. */
  #problem: string | undefined;
  /** The tree told last: many names in a row are bound to the same, and what data wants to watch it has just been told of. */
  #told: PlainTree | null = null;
  readonly #watches = new Map<string, Watch>();

  /** @param dtab the base dtab; later values rebind every name they affect, and failures leave the last one in force. */
  constructor(
    label: string,
    interpreter: NameInterpreter,
    dtab: Activity<Dtab>,
    env: Env,
    tell: (message: ToData) => void,
  ) {
    this.#label = label;
    this.#tell = tell;
    this.#names = interpreter.live(env, (binding, state, before) => this.#became(binding, state, before));
    this.#dtabs = dtab.observe((state) => this.#dtabIs(state));
  }

  /** The base dtab in force; undefined until there is one. */
  get dtab(): Dtab | undefined {
    return this.#names.dtab;
  }

  /** Why there is none, as far as is known. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes a message from data; what is known already is answered before this returns. */
  receive(message: ToControl): void {
    if (message.type === "bind") this.#bind(message.binding, message.path, message.localDtab);
    else if (message.type === "unbind") this.#names.unbind(message.binding);
    else if (message.type === "watch") this.#watch(message.client);
    else this.#unwatch(message.client);
  }

  close(): void {
    this.#dtabs[Symbol.dispose]();
    this.#names[Symbol.dispose]();
    for (const { observation } of this.#watches.values()) observation?.[Symbol.dispose]();
    this.#watches.clear();
    this.#told = null;
  }

  #bind(binding: number, pathText: string, localText: string): void {
    const path = parsePath(pathText);
    const local = parseDtab(localText);
    if (!(path instanceof Path)) return this.#failed(binding, path.message);
    if (local instanceof SyntaxProblem) return this.#failed(binding, local.message);
    this.#names.bind(binding, local, path);
    if (this.dtab === undefined && this.#problem !== undefined) this.#failed(binding, this.#problem);
    return undefined;
  }

  #dtabIs(state: ActivityState<Dtab>): void {
    if (state.at === "ok") return this.#names.replace(state.value);
    if (state.at === "pending" || this.dtab !== undefined) return undefined;
    this.#problem = state.message;
    for (const binding of [...this.#names.bindings]) this.#failed(binding, state.message);
    return undefined;
  }

  #became(binding: number, state: BindingState, before: BindingState | undefined): void {
    if (state.at === "failed") return this.#failed(binding, state.message);
    if (state.at === "pending") return;
    const told = state.value === this.#told?.written ? this.#told : this.#read(new PlainTree(state.value));
    if (before?.at === "ok" && sameTree(before.value, state.value, sameBound)) return; // from elsewhere, but the same
    this.#tell({ type: "bound", router: this.#label, binding, tree: told.plain });
  }

  /** Who watches a client of this tree watches it there from now on. */
  #read(tree: PlainTree): PlainTree {
    this.#told = tree;
    for (const name of tree.names) {
      const id = name.id.show();
      const watch = this.#watches.get(id);
      if (watch !== undefined && watch.name !== name) this.#follow(id, watch, name);
    }
    return tree;
  }

  #failed(binding: number, message: string): void {
    this.#tell({ type: "unbound", router: this.#label, binding, message });
  }

  #watch(id: string): void {
    const watch = this.#watches.get(id) ?? { users: 0, name: undefined, observation: undefined };
    this.#watches.set(id, watch);
    const name = this.#told?.find(id);
    if (++watch.users > 1 && watch.name !== undefined) this.#report(id, watch.name.addresses.sample());
    else if (name !== undefined) this.#follow(id, watch, name);
  }

  #unwatch(id: string): void {
    const watch = this.#watches.get(id);
    if (watch === undefined || --watch.users > 0) return;
    watch.observation?.[Symbol.dispose]();
    this.#watches.delete(id);
  }

  /** The old addresses are let go only after the new ones are observed, so that what both need stays. */
  #follow(id: string, watch: Watch, name: EndpointsName): void {
    const old = watch.observation;
    watch.name = name;
    watch.observation = name.addresses.observe((state) => this.#report(id, state));
    old?.[Symbol.dispose]();
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
