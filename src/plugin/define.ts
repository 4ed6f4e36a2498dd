// What a module has to export to be a plug-in.
import type { AccrualKind, FilterKind, IdentifierKind, NamerKind } from "./kinds.ts";
import type { ProtocolKind } from "./protocol.ts";

/** The version of all that `fairlead/plugin` exports; it grows when plug-ins have to be changed. */
export const API_VERSION = 1;

/** What a plug-in adds, by kind. Names of kinds are `owner.name`; `io.l5d.…` and `fairlead.…` are taken. */
export interface PluginParts {
  /** Of the plug-in as a whole, for messages. */
  readonly name: string;
  readonly identifiers?: Readonly<Record<string, IdentifierKind>>;
  readonly namers?: Readonly<Record<string, NamerKind>>;
  readonly accruals?: Readonly<Record<string, AccrualKind>>;
  readonly filters?: Readonly<Record<string, FilterKind>>;
  /** By the word after `protocol:`. */
  readonly protocols?: Readonly<Record<string, ProtocolKind>>;
}

/** A plug-in, ready to be exported as `plugin` or as the default. */
export interface Plugin extends PluginParts {
  readonly fairleadPlugin: number;
}

export function definePlugin(parts: PluginParts): Plugin {
  return { ...parts, fairleadPlugin: API_VERSION };
}

/** Is this what `definePlugin` of any version made? */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && "fairleadPlugin" in value;
}
