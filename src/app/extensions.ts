// All that the plug-ins of a configuration add, by kind.
import type { Keys } from "../config/schema.ts";
import type { AccrualKind, FilterKind, IdentifierKind, NamerKind } from "../plugin/kinds.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import { clientKeys, serviceKeys } from "../router/config.ts";

/** Kinds of plug-ins. */
export interface Extensions {
  /** Names of the plug-ins, in the order of the file. */
  readonly plugins: readonly string[];
  readonly identifiers: ReadonlyMap<string, IdentifierKind>;
  readonly namers: ReadonlyMap<string, NamerKind>;
  readonly accruals: ReadonlyMap<string, AccrualKind>;
  readonly filters: ReadonlyMap<string, FilterKind>;
  readonly protocols: ReadonlyMap<string, ProtocolKind>;
}

/** The plug-ins of a configuration, as they cross from one thread to another. */
export interface PluginList {
  /** Where relative paths begin, and packages are looked for. */
  readonly directory: string;
  /** As they are written. */
  readonly specifiers: readonly string[];
}

/** What a configuration without plug-ins has. */
export const noExtensions: Extensions = {
  plugins: [],
  identifiers: new Map(),
  namers: new Map(),
  accruals: new Map(),
  filters: new Map(),
  protocols: new Map(),
};

/**
 * The kinds of plug-ins in this thread. Their modules are loaded once for each thread: code that has changed since waits for the next process.
 * Rejects, in words, when one cannot be loaded.
 */
export async function extensionsOf(plugins: PluginList): Promise<Extensions> {
  if (plugins.specifiers.length === 0) return noExtensions;
  const { loadListed } = await import("./plugins.ts"); // whoever has none pays nothing for them
  return loadListed(plugins);
}

/** Files of plug-ins whose code is no longer what runs in this thread. What else they import is not looked at. */
export async function changedPlugins(plugins: PluginList): Promise<readonly string[]> {
  if (plugins.specifiers.length === 0) return [];
  return (await import("./plugins.ts")).changedFiles(plugins);
}

/** Whether a name that both have means something else in one than in the other. */
export function sameKinds(a: Extensions, b: Extensions): boolean {
  const parts = ["identifiers", "namers", "accruals", "filters", "protocols"] as const;
  return parts.every((part) => [...a[part]].every(([name, kind]) => (b[part].get(name) ?? kind) === kind));
}

/**
 * A kind of a plug-in. The types of a configuration know the kinds of the core alone; those of plug-ins are asked for first, by name.
 * @returns undefined for a kind of the core.
 */
export function kindIn<T>(kinds: ReadonlyMap<string, T>, written: { readonly kind: string }): T | undefined {
  return kinds.get(written.kind);
}

/** The keys of a protocol's policies, per bound name and per logical name. */
export function pluggedPolicies(kind: ProtocolKind): { readonly client: Keys; readonly service: Keys } {
  return { client: { ...clientKeys, ...kind.clientKeys }, service: { ...serviceKeys, ...kind.serviceKeys } };
}
