// A configuration file as the running process uses it.
import { type Environment } from "../config/expand.ts";
import { type TextFormats, problemIn } from "../config/formats.ts";
import { defaultsOf, load } from "../config/load.ts";
import { type Json } from "../config/node.ts";
import { type Problem } from "../config/problems.ts";
import { type Infer, type ObjectOf } from "../config/schema.ts";
import { type Mode } from "../config/spec.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import { type ServicePolicy, serviceKeys } from "../router/config.ts";
import { type Policies, type PolicyEntry } from "../router/policies.ts";
import { configSchema, httpClientPolicy } from "./config-schema.ts";

/** The grammars that `config` itself does not know. */
const textFormats: TextFormats = { dtab: (written) => problemIn(parseDtab(written)) };

type Written = Infer<typeof configSchema>;
type WrittenRouter = Written["routers"][number];
type WrittenServer = WrittenRouter["servers"][number];

export type AdminConfig = Written["admin"];
export type NamerConfig = Written["namers"][number];
export type TelemeterConfig = Written["telemetry"][number];
export type IdentifierConfig = WrittenRouter["identifier"][number];
export type ClientPolicy = ObjectOf<typeof httpClientPolicy>;

/** A server with its label filled in. */
export type ServerConfig = Omit<WrittenServer, "label"> & { readonly label: string };

/** A router with its label filled in and its policies in one form. */
export type RouterConfig = Omit<WrittenRouter, "label" | "servers" | "client" | "service"> & {
  readonly label: string;
  readonly servers: readonly ServerConfig[];
  readonly client: Policies<ClientPolicy>;
  readonly service: Policies<ServicePolicy>;
};

/** A whole configuration, defaults filled in. */
export interface LinkerConfig {
  readonly mode: Mode;
  readonly admin: AdminConfig;
  readonly routers: readonly RouterConfig[];
  readonly namers: readonly NamerConfig[];
  readonly telemetry: readonly TelemeterConfig[];
  /** The file as it was written, for the admin pages: without defaults, and with variables unexpanded. */
  readonly document: Json;
}

export interface LoadedConfig {
  /** Null when there is an error among the problems. */
  readonly config: LinkerConfig | null;
  readonly problems: readonly Problem[];
  /** The file as it was written, for the admin pages: without defaults, and with variables unexpanded. */
  readonly document: Json;
}

export interface ConfigOptions {
  /** The name problems show. */
  readonly file: string;
  readonly environment: Environment;
  /** Expands variables although the file does not ask for it. */
  readonly expandEnv?: boolean;
}

/** Reads a configuration text. Never throws for anything it may contain. */
export async function loadConfig(written: string, options: ConfigOptions): Promise<LoadedConfig> {
  const { config, mode, problems, document } = await load(written, configSchema, { ...options, formats: textFormats });
  return { config: config === null ? null : linkerConfig(config, mode, document), problems, document };
}

function linkerConfig({ admin, routers, namers, telemetry }: Written, mode: Mode, document: Json): LinkerConfig {
  return { mode, admin, routers: routers.map((written) => routerConfig(written, mode)), namers, telemetry, document };
}

function routerConfig(written: WrittenRouter, mode: Mode): RouterConfig {
  const label = written.label ?? written.protocol;
  return {
    ...written,
    label,
    servers: written.servers.map((server) => ({ ...server, label: server.label ?? label })),
    client: {
      defaults: defaultsOf(httpClientPolicy, mode, textFormats),
      entries: entriesOf<ClientPolicy>(written.client),
    },
    service: {
      defaults: defaultsOf(serviceKeys, mode, textFormats),
      entries: entriesOf<ServicePolicy>(written.service),
    },
  };
}

type WrittenPolicies<P extends object> =
  | ({ readonly kind: "io.l5d.global" } & PolicyEntry<P>["params"])
  | {
      readonly kind: "io.l5d.static";
      readonly configs: readonly ({ readonly prefix: string } & PolicyEntry<P>["params"])[];
    };

function entriesOf<P extends object>(written: WrittenPolicies<P>): readonly PolicyEntry<P>[] {
  if (written.kind === "io.l5d.global") return [{ prefix: null, params: without<P>(written, "kind") }];
  return written.configs.map((entry) => ({ prefix: entry.prefix, params: without<P>(entry, "prefix") }));
}

function without<P extends object>(object: { readonly [K in keyof P]?: P[K] }, key: string): PolicyEntry<P>["params"] {
  // What is left of a policy without its kind or prefix are its parameters.
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key)) as PolicyEntry<P>["params"];
}
