// A configuration file as the running process uses it.
import { dirname, resolve } from "node:path";
import { type Environment } from "../config/expand.ts";
import { type TextFormats, problemIn } from "../config/formats.ts";
import { type Loaded, type LoadOptions, defaultsOf, load } from "../config/load.ts";
import { entryOf, type Json } from "../config/node.ts";
import { type Infer, type Keys, type ObjectOf } from "../config/schema.ts";
import { type Mode } from "../config/spec.ts";
import { parseDtab } from "../naming/dtab-parser.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import { type Policies, type PolicyEntry } from "../router/policies.ts";
import { configSchema, http2Policies, httpPolicies } from "./config-schema.ts";
import { type Extensions, noExtensions, pluggedPolicies, type PluginList } from "./extensions.ts";
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
  /**
   * Its protocol comes from a plug-in. Such a router is read by a schema of its own and has, of all keys that its type tells of, those of every
   * router: what belongs to HTTP may be read only where this is false.
   */
  readonly plugged: boolean;
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
  /** What it is to be run with. Plain values, as all of a configuration: every thread loads them for itself. */
  readonly plugins: PluginList;
  /** The file as it was written, for the admin pages: without defaults, and with variables unexpanded. */
  readonly document: Json;
}

/** What was read; the tree has variables expanded and services written out. */
export interface LoadedConfig extends Omit<Loaded<Written>, "config"> {
  /** Null when there is an error among the problems. */
  readonly config: LinkerConfig | null;
  /** What its plug-ins add, as far as they could be loaded. */
  readonly extensions: Extensions;
}

export interface ConfigOptions {
  /** The name problems show; paths of plug-ins begin in its directory. */
  readonly file: string;
  readonly environment: Environment;
  /** Expands variables although the file does not ask for it. */
  readonly expandEnv?: boolean;
}

/** Reads a configuration text. Never throws for anything it may contain. */
export async function loadConfig(written: string, options: ConfigOptions): Promise<LoadedConfig> {
  const directory = dirname(resolve(options.file));
  let extensions = noExtensions;
  const schemaOf: LoadOptions["schemaOf"] = async (root, problems) => {
    if (entryOf(root, "plugins") === null) return null; // whoever has none pays nothing for them
    const [{ loadPlugins }, { schemaWith }] = await Promise.all([import("./plugins.ts"), import("./schema-with.ts")]);
    extensions = await loadPlugins(root, problems, directory);
    return schemaWith(extensions);
  };
  const { config, ...rest } = await load(
    written,
    configSchema,
    { ...options, formats: textFormats, schemaOf },
    { completed: withRouters, inFull: (root, { services }) => servicesInFull(root, services) },
  );
  const { document, mode } = rest;
  if (config === null) return { ...rest, config, extensions };
  const { admin, namers, telemetry, workers } = config;
  const routers = config.routers.map((router) => routerConfig(router, mode, extensions));
  const plugins = { directory, specifiers: config.plugins };
  return { ...rest, extensions, config: { mode, workers, admin, routers, namers, telemetry, plugins, document } };
}

function routerConfig(written: WrittenRouter, mode: Mode, { protocols }: Extensions): RouterConfig {
  const label = written.label ?? written.protocol;
  const kind = protocols.get(written.protocol);
  if (kind !== undefined) return pluggedConfig(written, label, kind, mode);
  const plugged = false;
  if (written.protocol === "http") {
    const servers = labelled(written.servers, label);
    const client = policiesOf(httpPolicies.client, written.client, mode);
    const service = policiesOf(httpPolicies.service, written.service, mode);
    return { ...written, label, plugged, servers, client, service };
  }
  const servers = labelled(written.servers, label);
  const client = policiesOf(http2Policies.client, written.client, mode);
  const service = policiesOf(http2Policies.service, written.service, mode);
  return { ...written, label, plugged, servers, client, service };
}

// The type of what was read knows nothing of plug-ins; it was read by the schema of this one (see `Completed.plugged`).
function pluggedConfig(written: WrittenRouter, label: string, kind: ProtocolKind, mode: Mode): RouterConfig {
  const keys = pluggedPolicies(kind);
  const policies = (which: "client" | "service") =>
    policiesOf(keys[which], written[which] as WrittenPolicies<Readonly<Record<string, unknown>>>, mode) as never;
  const servers = labelled<{ readonly label?: string }>(written.servers, label) as never;
  return { ...written, label, plugged: true, servers, client: policies("client"), service: policies("service") };
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
