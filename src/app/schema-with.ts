// The schema of a configuration with the kinds of its plug-ins.
import { extended, type MoreKinds } from "../config/extend.ts";
import { kindOf } from "../config/kinds.ts";
import { object, oneOrMany, type Schema } from "../config/schema.ts";
import type { KindSpec, ObjectSpec, OpenChoice, Spec } from "../config/spec.ts";
import { contentOf } from "../config/walk.ts";
import { invariant } from "../base/invariant.ts";
import { namerKeys } from "../naming/config.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import { clientPolicies, routerKeys, serverKeys, serversOf, servicePolicies } from "../router/config.ts";
import { configSchema } from "./config-schema.ts";
import { type Extensions, pluggedPolicies } from "./extensions.ts";

/** The schema with everything the plug-ins add. */
export function schemaWith(extensions: Extensions): typeof configSchema {
  const more: MoreKinds = {
    identifier: specs(extensions.identifiers, (kind) => kind.schema),
    filter: specs(extensions.filters, (kind) => kind.schema),
    accrual: specs(extensions.accruals, (kind) => kind.schema),
    namer: specs(extensions.namers, (kind, name) =>
      object(
        { doc: kind.doc, origin: "fairlead", checks: checksOf(kind.schema) as readonly never[] },
        { ...namerKeys(name), ...kind.keys },
      ),
    ),
    protocol: specs(extensions.protocols, pluggedRouter),
  };
  // Of a protocol's policies accrual is open too: kinds go in from the inside out.
  return extended(extended(configSchema, { ...none, protocol: more.protocol }), {
    ...more,
    protocol: {},
  }) as typeof configSchema;
}

const none: MoreKinds = { identifier: {}, filter: {}, accrual: {}, namer: {}, protocol: {} };

function specs<K>(
  kinds: ReadonlyMap<string, K>,
  schemaOf: (kind: K, name: string) => Schema<unknown>,
): Record<string, ObjectSpec> {
  return Object.fromEntries([...kinds].map(([name, kind]) => [name, objectSpec(schemaOf(kind, name))]));
}

function objectSpec({ spec }: Schema<unknown>): ObjectSpec {
  invariant(spec.type === "object", "kinds are made with object()");
  return spec;
}

function checksOf(schema: Schema<unknown>): ObjectSpec["checks"] {
  return objectSpec(schema).checks;
}

/** The identifiers of a protocol. */
export function identifierOf({ defaultIdentifier, identifiers }: ProtocolKind): Schema<unknown> {
  const kinds = Object.entries(identifiers).map(([name, { schema }]) => [name, schema] as const);
  return oneOrMany(
    { doc: "How a request is named; of several, the first that finds a name.", default: defaultIdentifier },
    kindOf({ doc: "What of a request names it." }, Object.fromEntries(kinds)),
  );
}

function pluggedRouter(kind: ProtocolKind): Schema<unknown> {
  const { client, service } = pluggedPolicies(kind);
  return object(
    { doc: kind.doc, origin: "fairlead" },
    {
      ...routerKeys,
      ...kind.routerKeys,
      identifier: identifierOf(kind),
      servers: serversOf({ ...serverKeys(kind.port), ...kind.serverKeys }),
      service: servicePolicies(service),
      client: clientPolicies(client),
    },
  );
}

/** The kinds a choice has without plug-ins. */
export function coreKinds(choice: OpenChoice): ReadonlySet<string> {
  const found = new Set<string>();
  collect(configSchema.spec, choice, found, new Set());
  return found;
}

function collect(spec: Spec, choice: OpenChoice, found: Set<string>, seen: Set<Spec>): void {
  const content = contentOf(spec);
  if (content === null || seen.has(content)) return;
  seen.add(content);
  if (content.type === "kind" && content.open === choice) for (const name of namesOf(content)) found.add(name);
  const inner: readonly Spec[] = Object.values(content.type === "object" ? content.keys : content.kinds);
  for (const below of inner) collect(below, choice, found, seen);
}

function namesOf(spec: KindSpec): readonly string[] {
  return Object.keys(spec.kinds);
}
