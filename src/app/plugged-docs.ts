// What `fairlead check --docs` prints: the plug-ins of a configuration in the words of the reference.
import type { MetricDoc } from "../telemetry/names.ts";
import { kindReference } from "../config/reference.ts";
import { jsonSchemaOf } from "../config/json-schema.ts";
import { invariant } from "../base/invariant.ts";
import { type Keys, list, object, type Schema } from "../config/schema.ts";
import type { ObjectSpec } from "../config/spec.ts";
import type { ProtocolKind } from "../plugin/protocol.ts";
import type { Extensions } from "./extensions.ts";
import { metricsOf } from "./plugged-metrics.ts";
import { identifierOf, schemaWith } from "./schema-with.ts";

/** A JSON Schema of configurations with these plug-ins, for editors. */
export function pluggedJsonSchema(extensions: Extensions): string {
  return `${JSON.stringify(jsonSchemaOf(rootOf(extensions), "fairlead configuration with plug-ins"), null, 1)}\n`;
}

/** A reference of what the plug-ins add, as Markdown: kinds with their own keys, and metrics. */
export function pluggedReference(extensions: Extensions): string {
  const { accruals, filters, identifiers, namers, plugins, protocols } = extensions;
  const sections = [
    ...sectionsOf("Identifier", "Under `identifier` of http and h2 routers.", identifiers),
    ...sectionsOf("Namer", "Under `namers`, with `prefix` and `transformers` as every namer.", namers),
    ...sectionsOf("Failure accrual", "Under `failureAccrual` of clients.", accruals),
    ...sectionsOf("Request filter", "Under `filters` of routers.", filters),
    ...[...protocols].map(([name, kind]) =>
      section(
        `Protocol \`${name}\``,
        "Under `routers`, with what every router, server, client and service has.",
        ownKeys(kind),
      ),
    ),
  ];
  const title = plugins.length === 0 ? "# No plug-ins" : `# Plug-ins: ${plugins.join(", ")}`;
  return [title, ...sections, ...metricSection(metricsOf(extensions))].join("\n\n").concat("\n");
}

interface Documented {
  readonly doc: string;
  readonly keys: Keys;
}

function sectionsOf(title: string, where: string, kinds: ReadonlyMap<string, Documented>): readonly string[] {
  return [...kinds].map(([name, { doc, keys }]) => section(`${title} \`${name}\``, where, object({ doc }, keys)));
}

function section(title: string, where: string, { spec }: Schema<unknown>): string {
  invariant(spec.type === "object", "made with object()");
  return kindReference(title, { ...spec, doc: `${where} ${spec.doc}` }).trimEnd();
}

/** What only this protocol has. */
function ownKeys(kind: ProtocolKind): Schema<unknown> {
  const parts = {
    servers: list({ doc: "Its servers." }, object({ doc: "One address to listen on." }, kind.serverKeys)),
    client: object({ doc: "Its clients." }, kind.clientKeys),
    service: object({ doc: "Its services." }, kind.serviceKeys),
  };
  const empty = { servers: kind.serverKeys, client: kind.clientKeys, service: kind.serviceKeys };
  const given = Object.entries(parts).filter(([name]) => Object.keys(empty[name as keyof typeof empty]).length > 0);
  const identifier = identifierOf(kind);
  return object({ doc: kind.doc }, { identifier, ...kind.routerKeys, ...Object.fromEntries<Schema<unknown>>(given) });
}

function rootOf(extensions: Extensions): ObjectSpec {
  const { spec } = schemaWith(extensions);
  invariant(spec.type === "object", "the configuration schema is made with object()");
  return spec;
}

function metricSection(metrics: readonly MetricDoc[]): readonly string[] {
  if (metrics.length === 0) return [];
  const rows = metrics.map(
    ({ doc, kind, pattern, unit }) =>
      `| \`${pattern}\` | ${kind} | ${unit === "1" ? "" : unit} | ${doc.replaceAll("|", "\\|")} |`,
  );
  return [["## Metrics", "", "| name | kind | unit | meaning |", "|---|---|---|---|", ...rows].join("\n")];
}
