// @hot What a name is bound to, shared between all names bound to the same: trees, their leaves, and the clients below.
import type { Random } from "../base/random.ts";
import type { BoundTree } from "../core/border.ts";
import type { Client } from "./client-stack.ts";
import { Cached, type ServiceCache } from "./service-cache.ts";

/** A leaf: a client with a residual path, or an answer of the proxy's own. */
export class BoundClient extends Cached {
  readonly id: string;
  readonly residual: string;
  /** Status of a canned answer, 0 when there is a client. */
  readonly canned: number;
  readonly client: Client | null;
  readonly #give: (client: Client) => void;

  constructor(
    key: string,
    id: string,
    residual: string,
    canned: number,
    client: Client | null,
    give: (client: Client) => void,
  ) {
    super(key);
    this.id = id;
    this.residual = residual;
    this.canned = canned;
    this.client = client;
    this.#give = give;
  }

  close(): void {
    if (this.client !== null) this.#give(this.client);
  }
}

/** How a tree without a leaf ends. */
export type Ending = "neg" | "fail" | "empty";

interface Branch {
  /** Sum of the weights up to and including this branch. */
  readonly upTo: number;
  /** Null for a branch that exists but is empty: it answers its share with a failure. */
  readonly client: BoundClient | null;
}

/** A bound tree, flattened to weighted leaves. */
export class BoundTreeEntry extends Cached {
  readonly clients: readonly BoundClient[];
  /** Why `pick` gave null. */
  readonly ending: Ending;
  readonly #branches: readonly Branch[];
  readonly #total: number;
  readonly #only: BoundClient | null;
  readonly #give: (client: BoundClient) => void;

  constructor(key: string, branches: readonly Branch[], ending: Ending, give: (client: BoundClient) => void) {
    super(key);
    this.#branches = branches;
    this.ending = ending;
    this.#give = give;
    const clients: BoundClient[] = [];
    for (let i = 0; i < branches.length; i++) {
      const client = (branches[i] as Branch).client;
      if (client !== null) clients.push(client);
    }
    this.clients = clients;
    this.#total = branches.length === 0 ? 0 : (branches[branches.length - 1] as Branch).upTo;
    this.#only = branches.length === 1 ? (branches[0] as Branch).client : null;
  }

  /** A leaf, by weight; null when the tree, or the branch drawn, leads nowhere. */
  pick(random: Random): BoundClient | null {
    if (this.#only !== null) return this.#only;
    const branches = this.#branches;
    if (branches.length === 0) return null;
    if (this.#total <= 0) return (branches[random.int(branches.length)] as Branch).client;
    const drawn = random.next() * this.#total;
    for (let i = 0; i < branches.length; i++) {
      const branch = branches[i] as Branch;
      if (drawn < branch.upTo) return branch.client;
    }
    return (branches[branches.length - 1] as Branch).client;
  }

  close(): void {
    for (let i = 0; i < this.clients.length; i++) this.#give(this.clients[i] as BoundClient);
  }
}

/** The tree, leaf and client caches (linkerd1 §1.4). */
export class BoundTrees {
  readonly #trees: ServiceCache<BoundTreeEntry>;
  readonly #bounds: ServiceCache<BoundClient>;
  readonly #clients: ServiceCache<Client>;
  readonly #makeClient: (id: string) => Client;
  // The tree taken last and its entry: after a change of the dtab many names in a row are bound to the same one.
  #lastTree: BoundTree | null = null;
  #lastEntry: BoundTreeEntry | null = null;

  constructor(
    trees: ServiceCache<BoundTreeEntry>,
    bounds: ServiceCache<BoundClient>,
    clients: ServiceCache<Client>,
    makeClient: (id: string) => Client,
  ) {
    this.#trees = trees;
    this.#bounds = bounds;
    this.#clients = clients;
    this.#makeClient = makeClient;
  }

  /** The entry of a tree, used once more. */
  take(tree: BoundTree): BoundTreeEntry {
    const last = this.#lastEntry;
    const entry = tree === this.#lastTree && last !== null && last.cached ? last : this.#entry(tree);
    this.#trees.use(entry);
    return entry;
  }

  #entry(tree: BoundTree): BoundTreeEntry {
    const key = treeKey(tree);
    let entry = this.#trees.peek(key);
    if (entry === undefined) {
      entry = this.#makeTree(key, tree);
      this.#trees.add(entry);
    }
    this.#lastTree = tree;
    this.#lastEntry = entry;
    return entry;
  }

  give(entry: BoundTreeEntry): void {
    this.#trees.release(entry);
  }

  /** All clients there are. */
  clients(): IterableIterator<Client> {
    return this.#clients.values();
  }

  /** The client of this id, if it exists. */
  client(id: string): Client | undefined {
    return this.#clients.peek(id);
  }

  /** Closes one that nobody uses; false if there is none. */
  closeNext(): boolean {
    return this.#trees.closeOldest() || this.#bounds.closeOldest() || this.#clients.closeOldest();
  }

  clear(): void {
    this.#lastTree = null;
    this.#lastEntry = null;
    this.#trees.clear();
    this.#bounds.clear();
    this.#clients.clear();
  }

  #makeTree(key: string, tree: BoundTree): BoundTreeEntry {
    const branches: Branch[] = [];
    this.#flatten(tree, 1, branches);
    const ending = tree.type === "neg" || tree.type === "fail" ? tree.type : "empty";
    return new BoundTreeEntry(key, branches, ending, (client) => this.#bounds.release(client)); // cold: once per tree
  }

  // Weights of nested unions are relative to their siblings.
  #flatten(tree: BoundTree, share: number, into: Branch[]): void {
    if (tree.type === "leaf") {
      push(into, share, this.#takeBound(tree.id, tree.residual, tree.canned));
    } else if (tree.type === "empty") {
      push(into, share, null);
    } else if (tree.type === "union") {
      let total = 0;
      for (let i = 0; i < tree.branches.length; i++) total += (tree.branches[i] as { weight: number }).weight;
      for (let i = 0; i < tree.branches.length; i++) {
        const branch = tree.branches[i] as { weight: number; tree: BoundTree };
        const part = total > 0 ? branch.weight / total : 1 / tree.branches.length;
        this.#flatten(branch.tree, share * part, into);
      }
    }
  }

  #takeBound(id: string, residual: string, canned: number): BoundClient {
    const key = `${id} ${residual}`;
    let bound = this.#bounds.peek(key);
    if (bound === undefined) {
      const client = canned > 0 ? null : this.#takeClient(id);
      bound = new BoundClient(key, id, residual, canned, client, (c) => this.#clients.release(c)); // cold: once per leaf
      this.#bounds.add(bound);
    }
    this.#bounds.use(bound);
    return bound;
  }

  #takeClient(id: string): Client {
    let client = this.#clients.peek(id);
    if (client === undefined) {
      client = this.#makeClient(id);
      this.#clients.add(client);
    }
    this.#clients.use(client);
    return client;
  }
}

function push(into: Branch[], share: number, client: BoundClient | null): void {
  const before = into.length === 0 ? 0 : (into[into.length - 1] as Branch).upTo;
  into.push({ upTo: before + share, client });
}

// Not the printed dtab form: that rounds weights (finagle B.6).
function treeKey(tree: BoundTree): string {
  if (tree.type === "leaf") return `${tree.id} ${tree.residual} ${tree.canned}`;
  if (tree.type !== "union") return tree.type;
  let key = "(";
  for (let i = 0; i < tree.branches.length; i++) {
    const branch = tree.branches[i] as { weight: number; tree: BoundTree };
    key += `${branch.weight}*${treeKey(branch.tree)}&`;
  }
  return `${key})`;
}
