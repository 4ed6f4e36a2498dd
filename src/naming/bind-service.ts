// The control side of the thread border for one router: answers `bind` and `watch` with live results, as plain messages.
import type { Env } from "../base/env.ts";
import type { Activity, ActivityState } from "../core/activity.ts";
import type { EndpointInfo, EndpointSet, ToControl, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import {
  type AddressState,
  type BoundName,
  type EndpointsName,
  endpointKey,
  sameAddresses,
  sameBound,
} from "../core/endpoint.ts";
import { type NameTree, sameTree } from "../core/name-tree.ts";
import { parsePath, Path } from "../core/path.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { parseDtab } from "./dtab-parser.ts";
import type { NameInterpreter } from "./interpreter.ts";
import type { BindingState, LiveNames } from "./live-names.ts";
import { PlainTree } from "./plain-tree.ts";
import { Slices } from "./slices.ts";

/** A client that data watches; every one-shot counts. */
interface Watch {
  users: number;
  /** Undefined while no tree with the client in it has been told. */
  name: EndpointsName | undefined;
  observation: Disposable | undefined;
  /** What data was told last. */
  told: AddressState | undefined;
}

/** A name that data wants bound. */
interface Wish {
  readonly path: Path;
  readonly local: Dtab;
  /** Who binds it: after the interpreter was replaced not always the one that binds new names. */
  names: LiveNames;
  /** What data was told last; undefined when it was told of a failure, or nothing. */
  tree: NameTree<BoundName> | undefined;
}

/** Of names that are unbound before anybody watches their clients so many are remembered, besides one for each name that is bound. */
const MAX_OFFERED = 1000;

/** Binds names for one router and tells data whenever something changes. */
export class BindService {
  readonly #router: string;
  readonly #env: Env;
  readonly #tell: (message: ToData) => void;
  #names: LiveNames;
  readonly #dtabs: Disposable;
  #dtab: Dtab | undefined;
  /** Why there is no dtab. */
  #problem: string | undefined;
  /** The tree told last: many names in a row are bound to the same, and what data wants to watch it has just been told of. */
  #told: PlainTree | null = null;
  readonly #wishes = new Map<number, Wish>();
  /** Clients that data has been told of and does not watch yet: from another thread it asks a while later. */
  readonly #offered = new Map<string, EndpointsName>();
  readonly #watches = new Map<string, Watch>();
  /** A change of interpreters that is under way. */
  #moving: Slices | null = null;
  /** Those that are replaced, until nothing is bound by them any longer. */
  #former: LiveNames[] = [];

  /**
   * @param router what the router is called in messages.
   * @param dtab the base dtab; later values rebind every name they affect, and failures leave the last one in force.
   */
  constructor(
    router: string,
    interpreter: NameInterpreter,
    dtab: Activity<Dtab>,
    env: Env,
    tell: (message: ToData) => void,
  ) {
    this.#router = router;
    this.#env = env;
    this.#tell = tell;
    this.#names = this.#live(interpreter);
    this.#dtabs = dtab.observe((state) => this.#dtabIs(state));
  }

  /** The base dtab in force; undefined until there is one. */
  get dtab(): Dtab | undefined {
    return this.#dtab;
  }

  /** Why there is none, as far as is known. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes a message from data; what is known already is answered before this returns. */
  receive(message: ToControl): void {
    if (message.type === "bind") this.#bind(message.binding, message.path, message.localDtab);
    else if (message.type === "unbind") this.#unbind(message.binding);
    else if (message.type === "watch") this.#watch(message.client);
    else this.#unwatch(message.client);
  }

  /**
   * Another interpreter for names that are bound from now on. Those that are bound already stay as they are, whatever becomes of the dtab,
   * until `moveNames`, which follows before anything else happens: rules may lead to namers that only one of the two knows.
   */
  takeInterpreter(interpreter: NameInterpreter): void {
    this.#former.push(this.#names);
    this.#names = this.#live(interpreter);
    if (this.#dtab !== undefined) this.#names.replace(this.#dtab);
  }

  /**
   * Binds all names by the interpreter in force, a few at a time; each keeps its last tree until the new one is there, and what is the same is
   * not told again.
   */
  moveNames(): void {
    const names = this.#names;
    const left = this.#wishes.entries();
    this.#moving?.[Symbol.dispose]();
    this.#moving = new Slices(this.#env, () => this.#move(left, names));
    this.#moving.run();
  }

  /** Settled when all names are bound as the dtab and the interpreter in force want it, as far as that is known. */
  async followed(): Promise<void> {
    await this.#moving?.done;
    await this.#names.followed;
  }

  #move(left: Iterator<[number, Wish]>, names: LiveNames): boolean {
    const next = left.next();
    if (next.done === true) {
      for (const former of this.#former) former[Symbol.dispose]();
      this.#former = [];
      return false;
    }
    const [binding, wish] = next.value;
    if (wish.names === names) return true; // bound since
    const former = wish.names;
    wish.names = names;
    names.bind(binding, wish.local, wish.path);
    former.unbind(binding);
    return true;
  }

  close(): void {
    this.#dtabs[Symbol.dispose]();
    this.#moving?.[Symbol.dispose]();
    for (const names of [...this.#former, this.#names]) names[Symbol.dispose]();
    for (const { observation } of this.#watches.values()) observation?.[Symbol.dispose]();
    this.#wishes.clear();
    this.#offered.clear();
    this.#watches.clear();
    this.#told = null;
  }

  #live(interpreter: NameInterpreter): LiveNames {
    const names: LiveNames = interpreter.live(this.#env, (binding, state) => {
      if (names !== this.#names) return; // whoever watches a client must not be led back to where its addresses came from before
      const wish = this.#wishes.get(binding);
      if (wish !== undefined && wish.names === names) this.#became(binding, wish, state);
    });
    return names;
  }

  #bind(binding: number, pathText: string, localText: string): void {
    const path = parsePath(pathText);
    const local = parseDtab(localText);
    if (!(path instanceof Path)) return this.#failed(binding, path.message);
    if (local instanceof SyntaxProblem) return this.#failed(binding, local.message);
    this.#wishes.set(binding, { path, local, names: this.#names, tree: undefined });
    this.#names.bind(binding, local, path);
    if (this.#dtab === undefined && this.#problem !== undefined) this.#failed(binding, this.#problem);
    return undefined;
  }

  #unbind(binding: number): void {
    const wish = this.#wishes.get(binding);
    this.#wishes.delete(binding);
    wish?.names.unbind(binding);
    if (this.#offered.size > MAX_OFFERED + this.#wishes.size) this.#offered.clear();
  }

  #dtabIs(state: ActivityState<Dtab>): void {
    if (state.at === "ok") {
      this.#dtab = state.value;
      this.#problem = undefined;
      return this.#names.replace(state.value);
    }
    if (state.at === "pending" || this.#dtab !== undefined) return undefined;
    this.#problem = state.message;
    for (const binding of [...this.#wishes.keys()]) this.#failed(binding, state.message);
    return undefined;
  }

  #became(binding: number, wish: Wish, state: BindingState): void {
    if (state.at === "failed") {
      wish.tree = undefined;
      return this.#failed(binding, state.message);
    }
    if (state.at === "pending") return;
    const told = state.value === this.#told?.written ? this.#told : this.#read(new PlainTree(state.value));
    const before = wish.tree;
    wish.tree = state.value;
    if (before !== undefined && sameTree(before, state.value, sameBound)) return; // from elsewhere, but the same
    this.#tell({ type: "bound", router: this.#router, binding, tree: told.plain });
  }

  /** Who watches a client of this tree watches it there from now on. */
  #read(tree: PlainTree): PlainTree {
    this.#told = tree;
    for (const name of tree.names) {
      const id = name.id.show();
      const watch = this.#watches.get(id);
      if (watch === undefined) this.#offered.set(id, name);
      else if (watch.name !== name) this.#follow(id, watch, name);
    }
    return tree;
  }

  #failed(binding: number, message: string): void {
    this.#tell({ type: "unbound", router: this.#router, binding, message });
  }

  #watch(id: string): void {
    const watch = this.#watches.get(id) ?? { users: 0, name: undefined, observation: undefined, told: undefined };
    this.#watches.set(id, watch);
    const name = this.#find(id);
    this.#offered.delete(id);
    if (++watch.users > 1 && watch.name !== undefined) this.#report(id, watch.name.addresses.sample());
    else if (name !== undefined) this.#follow(id, watch, name);
  }

  #find(id: string): EndpointsName | undefined {
    const name = this.#told?.find(id) ?? this.#offered.get(id);
    if (name !== undefined) return name;
    for (const { tree } of this.#wishes.values()) {
      const found = tree === undefined ? undefined : new PlainTree(tree).find(id);
      if (found !== undefined) return found;
    }
    return undefined;
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
    watch.observation = name.addresses.observe((state) => {
      if (watch.told !== undefined && sameAddresses(watch.told, state)) return; // from elsewhere, but the same
      watch.told = state;
      this.#report(id, state);
    });
    old?.[Symbol.dispose]();
  }

  #report(client: string, state: AddressState): void {
    this.#tell({ type: "endpoints", router: this.#router, client, set: endpointSet(state) });
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
