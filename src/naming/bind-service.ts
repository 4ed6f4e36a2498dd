// The control side of the thread border for one router: answers `bind` and `watch` with live results, as plain messages.
import type { BoundTree, EndpointInfo, EndpointSet, ToControl, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import { type AddressState, type BoundName, endpointKey } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";
import { parsePath, Path } from "../core/path.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { parseDtab } from "./dtab-parser.ts";
import type { Interpreter } from "./interpreter.ts";

/** A client that data watches; every one-shot counts. */
interface Watch {
  users: number;
  observation: Disposable | null;
}

/** Binds names for one router and tells data whenever something changes. */
export class BindService {
  readonly #label: string;
  readonly #interpreter: Interpreter;
  readonly #dtab: Dtab;
  readonly #tell: (message: ToData) => void;
  readonly #bindings = new Map<number, Disposable>();
  /** The bound name last seen for each id, so that a watch finds its addresses. */
  readonly #names = new Map<string, BoundName>();
  readonly #watches = new Map<string, Watch>();

  constructor(label: string, interpreter: Interpreter, dtab: Dtab, tell: (message: ToData) => void) {
    this.#label = label;
    this.#interpreter = interpreter;
    this.#dtab = dtab;
    this.#tell = tell;
  }

  /** Takes a message from data; what is known already is answered before this returns. */
  receive(message: ToControl): void {
    if (message.type === "bind") this.#bind(message.binding, message.path, message.localDtab);
    else if (message.type === "unbind") this.#unbind(message.binding);
    else if (message.type === "watch") this.#watch(message.client);
    else this.#unwatch(message.client);
  }

  close(): void {
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
    const observation = this.#interpreter.bind(this.#dtab, local, path).observe((state) => {
      if (state.at === "ok") {
        this.#tell({ type: "bound", router: this.#label, binding, tree: this.#plain(state.value) });
      } else if (state.at === "failed") this.#failed(binding, state.message);
    });
    this.#bindings.set(binding, observation);
    return undefined;
  }

  #failed(binding: number, message: string): void {
    this.#tell({ type: "unbound", router: this.#label, binding, message });
  }

  #unbind(binding: number): void {
    this.#bindings.get(binding)?.[Symbol.dispose]();
    this.#bindings.delete(binding);
  }

  #plain(tree: NameTree<BoundName>): BoundTree {
    switch (tree.kind) {
      case "leaf":
        return this.#leaf(tree.value);
      case "union":
        return { type: "union", branches: tree.branches.map((b) => ({ weight: b.weight, tree: this.#plain(b.tree) })) };
      case "alt": // decided by the interpreter; one that got here is its own first answer
        return this.#plain(tree.trees[0] ?? { kind: "neg" });
      default:
        return { type: tree.kind };
    }
  }

  #leaf(name: BoundName): BoundTree {
    const id = name.id.show();
    const residual = name.residual.size === 0 ? "" : name.residual.show();
    if (name.kind === "canned") return { type: "leaf", id, residual, canned: name.canned.status };
    const known = this.#names.get(id);
    this.#names.set(id, name);
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
