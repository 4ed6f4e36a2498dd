// A configuration file as the running process uses it.
import { type Environment } from "../config/expand.ts";
import { type TextFormats, problemIn } from "../config/formats.ts";
import { type Loaded, defaultsOf, load } from "../config/load.ts";
import { type Json } from "../config/node.ts";
import { type Infer, type Keys, type ObjectOf } from "../config/schema.ts";
import { type Mode } from "../config/spec.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import { type Policies, type PolicyEntry } from "../router/policies.ts";
import { configSchema, http2Policies, httpPolicies } from "./config-schema.ts";
import { servicesInFull, withRouters } from "./services/in-full.ts";

/** The grammars that `config` itself does not know. */
const textFormats: TextFormats = { dtab: (written) => problemIn(parseDtab(written)) };

type Written = Infer<typeof configSchema>;
type WrittenRouter = Written["routers"][number];
type WrittenHttpRouter = Extract<WrittenRouter, { readonly protocol: "http" }>;
type WrittenHttp2Router = Extract<WrittenRouter, { readonly protocol: "h2" }>;

export type AdminConfig = Written["admin"];
export type NamerConfig = Written["namers"][number];
export type TelemeterConfig = Written["telemetry"][number];

export type HttpClientPolicy = ObjectOf<typeof httpPolicies.client>;
export type Http2ClientPolicy = ObjectOf<typeof http2Policies.client>;
export type ClientPolicy = HttpClientPolicy | Http2ClientPolicy;
export type ServicePolicy = ObjectOf<typeof httpPolicies.service> | ObjectOf<typeof http2Policies.service>;

/** A server with its label filled in. */
type Labelled<S> = Omit<S, "label"> & { readonly label: string };

/** A router with its label filled in and its policies in one form. */
type Completed<R extends WrittenRouter, P extends { readonly client: Keys; readonly service: Keys }> = Omit<
  R,
  "label" | "servers" | "client" | "service"
> & {
  readonly label: string;
  readonly servers: readonly Labelled<R["servers"][number]>[];
  readonly client: Policies<ObjectOf<P["client"]>>;
  readonly service: Policies<ObjectOf<P["service"]>>;
};

export type HttpRouterConfig = Completed<WrittenHttpRouter, typeof httpPolicies>;
export type Http2RouterConfig = Completed<WrittenHttp2Router, typeof http2Policies>;
/** What most code takes: the keys that both protocols have need no distinction. */
export type RouterConfig = HttpRouterConfig | Http2RouterConfig;
export type ServerConfig = RouterConfig["servers"][number];
export type IdentifierConfig = RouterConfig["identifier"][number];

/** A whole configuration, defaults filled in. */
export interface LinkerConfig {
  readonly mode: Mode;
  /** How many threads; 0 for as many as there are processors. */
  readonly workers: number;
  readonly admin: AdminConfig;
  readonly routers: readonly RouterConfig[];
  readonly namers: readonly NamerConfig[];
  readonly telemetry: readonly TelemeterConfig[];
  /** The file as it was written, for the admin pages: without defaults, and with variables unexpanded. */
  readonly document: Json;
}

/** What was read; the tree has variables expanded and services written out. */
export interface LoadedConfig extends Omit<Loaded<Written>, "config"> {
  /** Null when there is an error among the problems. */
  readonly config: LinkerConfig | null;
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
  const { config, ...rest } = await load(
    written,
    configSchema,
    { ...options, formats: textFormats },
    { completed: withRouters, inFull: (root, { services }) => servicesInFull(root, services) },
  );
  return { ...rest, config: config === null ? null : linkerConfig(config, rest.mode, rest.document) };
}

function linkerConfig(
  { admin, routers, namers, telemetry, workers }: Written,
  mode: Mode,
  document: Json,
): LinkerConfig {
  return {
    mode,
    workers,
    admin,
    routers: routers.map((written) => routerConfig(written, mode)),
    namers,
    telemetry,
    document,
  };
}

function routerConfig(written: WrittenRouter, mode: Mode): RouterConfig {
  const label = written.label ?? written.protocol;
  if (written.protocol === "http") {
    const servers = labelled(written.servers, label);
    const client = policiesOf(httpPolicies.client, written.client, mode);
    return { ...written, label, servers, client, service: policiesOf(httpPolicies.service, written.service, mode) };
  }
  const servers = labelled(written.servers, label);
  const client = policiesOf(http2Policies.client, written.client, mode);
  return { ...written, label, servers, client, service: policiesOf(http2Policies.service, written.service, mode) };
}

function labelled<S extends { readonly label?: string }>(servers: readonly S[], label: string): Labelled<S>[] {
  return servers.map((server) => ({ ...server, label: server.label ?? label }));
}

function policiesOf<const K extends Keys>(
  keys: K,
  written: WrittenPolicies<ObjectOf<K>>,
  mode: Mode,
): Policies<ObjectOf<K>> {
  return { defaults: defaultsOf(keys, mode, textFormats), entries: entriesOf<ObjectOf<K>>(written) };
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
