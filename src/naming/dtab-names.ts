// The names of one user, bound by dtabs: one binder for all names, and another for those under each override of requests.
import type { Env } from "../base/env.ts";
import { Dtab } from "../core/dtab.ts";
import type { Path } from "../core/path.ts";
import { Binder } from "./binder.ts";
import { DtabChange } from "./dtab-change.ts";

import { configured, overridden, shortened } from "./limits.ts";
import type { BindingState, LiveNames, Told } from "./live-names.ts";
import { type LookupState, Root } from "./lookup.ts";
import type { NamerTable } from "./namer-table.ts";
import { Slices } from "./slices.ts";

/** The names under one override dtab, most often under none. */
interface Group {
  readonly local: Dtab;
  readonly binder: Binder;
  names: number;
}

/** A name that somebody follows. */
class Name extends Root {
  readonly binding: number;
  readonly group: Group;
  readonly #woken: Set<Name>;
  /** What its owner knows. */
  told: LookupState | null = null;

  constructor(binding: number, path: Path, group: Group, woken: Set<Name>) {
    super(path);
    this.binding = binding;
    this.group = group;
    this.#woken = woken;
  }

  override woken(): void {
    this.#woken.add(this);
  }
}

/** Names under one base dtab. */
export class DtabNames implements LiveNames {
  readonly #namers: NamerTable;
  readonly #tell: Told;
  readonly #slices: Slices;
  #dtab: Dtab | undefined;
  readonly #groups = new Map<string, Group>();
  readonly #names = new Map<number, Name>();
  /** Names of which something has changed. */
  readonly #woken = new Set<Name>();
  /** The names that have yet to be looked at because of a new dtab. */
  #sweep: Iterator<Name> | null = null;
  /** What they are looked at for. */
  #change: DtabChange | null = null;

  constructor(namers: NamerTable, env: Env, tell: Told) {
    this.#namers = namers;
    this.#tell = tell;
    this.#slices = new Slices(env, () => this.#step());
  }

  get dtab(): Dtab | undefined {
    return this.#dtab;
  }

  get bindings(): Iterable<number> {
    return this.#names.keys();
  }

  get followed(): Promise<void> {
    return this.#slices.done;
  }

  replace(dtab: Dtab): void {
    const change = DtabChange.between(this.#dtab ?? Dtab.empty, dtab);
    if (this.#dtab !== undefined && change.isEmpty) return;
    this.#dtab = dtab;
    for (const { binder, local } of this.#groups.values()) binder.replace(dtab.concat(local), change);
    this.#sweep = this.#names.values();
    this.#change = change;
    this.#slices.run();
  }

  bind(binding: number, local: Dtab, path: Path): void {
    const group = this.#group(local);
    group.names++;
    const name = new Name(binding, path, group, this.#woken);
    this.#names.set(binding, name);
    if (this.#dtab !== undefined) this.#slices.first(() => this.#answer(name));
  }

  unbind(binding: number): void {
    const name = this.#names.get(binding);
    if (name === undefined) return;
    this.#names.delete(binding);
    this.#woken.delete(name);
    name.group.binder.end(name);
    if (--name.group.names === 0) this.#groups.delete(name.group.local.key());
  }

  [Symbol.dispose](): void {
    for (const binding of [...this.#names.keys()]) this.unbind(binding);
    this.#slices[Symbol.dispose]();
  }

  #group(local: Dtab): Group {
    let group = this.#groups.get(local.key());
    if (group === undefined) {
      const dtab = (this.#dtab ?? Dtab.empty).concat(local);
      const allowance = local.isEmpty ? configured : overridden;
      group = { local, binder: new Binder(this.#namers, allowance, dtab, () => this.#slices.run()), names: 0 };
      this.#groups.set(local.key(), group);
    }
    return group;
  }

  /** Looks at one name; those of which something changed come first. */
  #step(): boolean {
    if (this.#woken.size === 0 && this.#change?.buildNext() === true) return true;
    const name = this.#next();
    if (name === undefined) return false;
    this.#answer(name);
    return true;
  }

  #next(): Name | undefined {
    for (const woken of this.#woken) {
      this.#woken.delete(woken);
      return woken;
    }
    const next = this.#sweep?.next();
    if (next?.done !== false) {
      this.#sweep = null;
      this.#change = null;
    }
    return next?.done === false ? next.value : undefined;
  }

  #answer(name: Name): void {
    name.group.binder.refresh(name);
    const before = name.told;
    if (name.state === before) return;
    name.told = name.state;
    this.#tell(name.binding, said(name.path, name.state), before ?? undefined);
  }
}

function said(path: Path, state: LookupState): BindingState {
  return "limit" in state ? { at: "failed", message: `${shortened(path)} ${state.message}` } : state;
}
