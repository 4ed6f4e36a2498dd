// @hot From what an identifier saw to the compiled path: the path cache, and the data side of the border to control.
import type { ToControl, ToData } from "../core/border.ts";
import type { Identifier } from "../core/identifier.ts";
import type { BoundTrees } from "./bound-tree.ts";
import type { Client } from "./client-stack.ts";
import { PathEntry, type PathShared } from "./path-stack.ts";
import type { ServiceCache } from "./service-cache.ts";
import type { Policies } from "./settings.ts";

/** Several keys may lead to one path (letter case, two identifiers); so many are remembered for each. */
const MAX_ALIASES = 8;

/** What the bindings of one router are made of. */
export interface BindingParts {
  /** The router in messages to control. */
  readonly key: string;
  readonly identifiers: readonly Identifier[];
  readonly paths: ServiceCache<PathEntry>;
  /** Paths under an override, apart, so that what anybody may make up neither displaces the others nor adds up. */
  readonly overridden: ServiceCache<PathEntry>;
  readonly trees: BoundTrees;
  readonly policies: Policies;
  readonly shared: PathShared;
  readonly send: (message: ToControl) => void;
}

/** Paths by key. */
export class Bindings {
  readonly #parts: BindingParts;
  readonly #aliases: Map<string, PathEntry>[] = [];
  readonly #byBinding = new Map<number, PathEntry>();
  readonly #clientsById = new Map<string, Set<Client>>();
  #nextBinding = 1;

  constructor(parts: BindingParts) {
    this.#parts = parts;
    for (let i = 0; i < parts.identifiers.length; i++) this.#aliases.push(new Map());
  }

  /** The path for what identifier number `identifier` saw, under an override; used once more. */
  take(identifier: number, key: string, localDtab: string): PathEntry {
    const aliases = this.#aliases[identifier] as Map<string, PathEntry>;
    const known = localDtab === "" ? aliases.get(key) : undefined;
    const entry = known ?? this.#slow(identifier, key, localDtab, aliases);
    this.#cacheOf(localDtab).use(entry);
    return entry;
  }

  give(entry: PathEntry): void {
    this.#cacheOf(entry.localDtab).release(entry);
  }

  #cacheOf(localDtab: string): ServiceCache<PathEntry> {
    return localDtab === "" ? this.#parts.paths : this.#parts.overridden;
  }

  #slow(identifier: number, key: string, localDtab: string, aliases: Map<string, PathEntry>): PathEntry {
    const service = (this.#parts.identifiers[identifier] as Identifier).path(key);
    const cacheKey = localDtab === "" ? service : `${service}\n${localDtab}`;
    const entry = this.#cacheOf(localDtab).peek(cacheKey) ?? this.#make(cacheKey, service, localDtab);
    if (localDtab === "" && entry.cached && entry.aliases.length < MAX_ALIASES) {
      aliases.set(key, entry);
      entry.aliases = entry.aliases.concat([key]); // most have one
    }
    return entry;
  }

  #make(cacheKey: string, service: string, localDtab: string): PathEntry {
    const { key: router, policies, send, shared } = this.#parts;
    const binding = this.#nextBinding++;
    const settings = policies.service(service);
    const entry = new PathEntry(cacheKey, service, localDtab, binding, settings, shared);
    this.#byBinding.set(binding, entry);
    this.#cacheOf(localDtab).add(entry);
    send({ type: "bind", router, binding, path: service, localDtab });
    return entry;
  }

  /** A path is closed: everything that leads to it is forgotten, and control stops watching. */
  pathClosed(entry: PathEntry): void {
    this.#byBinding.delete(entry.binding);
    for (let i = 0; i < this.#aliases.length; i++) {
      const aliases = this.#aliases[i] as Map<string, PathEntry>;
      for (let k = 0; k < entry.aliases.length; k++) {
        const key = entry.aliases[k] as string;
        if (aliases.get(key) === entry) aliases.delete(key);
      }
    }
    this.#parts.send({ type: "unbind", router: this.#parts.key, binding: entry.binding });
  }

  /** A client begins to exist: control watches its endpoints. */
  clientOpened(client: Client): void {
    const same = this.#clientsById.get(client.key);
    if (same === undefined) this.#clientsById.set(client.key, new Set([client]));
    else same.add(client);
    this.#parts.send({ type: "watch", router: this.#parts.key, client: client.key });
  }

  clientClosed(client: Client): void {
    const same = this.#clientsById.get(client.key);
    if (same === undefined || !same.delete(client)) return;
    if (same.size === 0) this.#clientsById.delete(client.key);
    this.#parts.send({ type: "unwatch", router: this.#parts.key, client: client.key });
  }

  /** What control says. Messages for what no longer exists are late, and ignored. */
  receive(message: ToData): void {
    if (message.type === "bound") this.#byBinding.get(message.binding)?.bound(message.tree);
    else if (message.type === "unbound") this.#byBinding.get(message.binding)?.unbound(message.message);
    else {
      const clients = this.#clientsById.get(message.client);
      if (clients !== undefined) clients.forEach((client) => client.update(message.set)); // cold: when discovery speaks
    }
  }

  /** All clients there are. */
  clients(): Client[] {
    return Array.from(this.#clientsById.values(), (same) => Array.from(same)).flat();
  }

  /** The ids of all clients, each once. */
  clientIds(): string[] {
    return Array.from(this.#clientsById.keys());
  }

  /** The clients of an id: one, or several while one-shots are in use. */
  clientsOf(id: string): Client[] {
    return Array.from(this.#clientsById.get(id) ?? []);
  }

  /** All paths there are, one-shots included. */
  paths(): IterableIterator<PathEntry> {
    return this.#byBinding.values();
  }

  /** A part of `close`, for when there are thousands: closes one thing that nobody uses. False if nothing is left to be done that way. */
  closeNext(): boolean {
    const { overridden, paths, trees } = this.#parts;
    return paths.closeOldest() || overridden.closeOldest() || trees.closeNext();
  }

  /** Closes every path and client. */
  close(): void {
    this.#parts.paths.clear();
    this.#parts.overridden.clear();
    this.#parts.trees.clear();
    this.#parts.shared.services.close();
  }
}
