// `fairlead_*`: one family for each line of the catalogue, named as Prometheus wants it: base units, counters that end in `_total`, what
// varies as labels. Nothing here knows a single metric; where a name cannot be made from the pattern, the catalogue says `as`.
import { type MetricDoc, METRICS } from "../../telemetry/names.ts";
import { omissionOf } from "./omissions.ts";

/** All metrics of one name. */
export interface Family {
  readonly pattern: string;
  /** With its unit, and without the `_total` of counters: what OpenMetrics calls the family. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Empty for plain counts. */
  readonly unit: string;
  readonly help: string;
  /** The pattern of the scopes it belongs to. */
  readonly entity: string;
  /** Where it is below them: scopes, and variables that become labels. */
  readonly path: readonly string[];
  /** So many of what is counted make one of `unit`. */
  readonly perUnit: number;
  /** Members that are left out, by their last scope. */
  readonly without: RegExp | null;
}

/** What metrics belong to, and how their names begin. A metric belongs to the first whose pattern begins its own. */
const ENTITIES: readonly (readonly [pattern: string, name: string])[] = [
  ["rt/<router>/server/<address>", "server"],
  ["rt/<router>/service/<path>", "service"],
  ["rt/<router>/overridden/<path>", "overridden"],
  ["rt/<router>/client/<bound>/service/<path>", "client_service"],
  ["rt/<router>/client/<bound>", "client"],
  ["rt/<router>", "router"],
  ["namer/<prefix>", "namer"],
  ["telemeter/<kind>", "telemeter"],
  ["access_log", "access_log"],
  ["admin", "admin"],
  ["config", "config"],
  ["workers", "workers"],
  ["process", "process"],
];

const UNITS: Readonly<Record<MetricDoc["unit"], readonly [unit: string, perUnit: number]>> = {
  "1": ["", 1],
  ms: ["seconds", 1000],
  bytes: ["bytes", 1],
  ratio: ["ratio", 1],
};

/** In the order of the catalogue. */
export const FAMILIES: readonly Family[] = familiesOf(METRICS);

/** The families of some metrics. */
export function familiesOf(metrics: readonly MetricDoc[]): readonly Family[] {
  return metrics.flatMap((metric) => {
    const omission = omissionOf(metric.pattern);
    return omission !== undefined && omission.only === undefined ? [] : [familyOf(metric, omission?.only ?? null)];
  });
}

function familyOf(metric: MetricDoc, without: RegExp | null): Family {
  const { pattern, doc, help = doc } = metric;
  const [entity, beginning] = entityOf(pattern);
  const path = pattern.slice(entity.length + 1).split("/");
  const [unit, perUnit] = UNITS[metric.unit];
  const stem = metric.as ?? nameOf(path, metric.unit);
  const name = `fairlead_${beginning}_${stem}${unit === "" ? "" : `_${unit}`}`;
  return { pattern, name, type: typeOf(metric), unit, help, entity, path, perUnit, without };
}

function entityOf(pattern: string): readonly [pattern: string, name: string] {
  const found = ENTITIES.find(([entity]) => pattern.startsWith(`${entity}/`));
  if (found === undefined) throw new Error(`${pattern} belongs to nothing that families.ts knows`);
  return found;
}

function typeOf({ kind, grows }: MetricDoc): Family["type"] {
  if (kind === "stat") return "histogram";
  return kind === "counter" || grows === true ? "counter" : "gauge";
}

/** Scopes joined by `_`, without the unit, and without a scope that the next one repeats: `backups/backups_sent`. */
function nameOf(path: readonly string[], unit: MetricDoc["unit"]): string {
  const words = path.filter((word, i) => !word.startsWith("<") && path[i + 1]?.startsWith(`${word}_`) !== true);
  const name = words.join("_");
  return unit !== "1" && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name;
}

/** The name as it stands before a sample or, in the text format of Prometheus, in the lines above. */
export function sampleName({ name, type }: Family): string {
  return type === "counter" ? `${name}_total` : name;
}

/** Labels by variable. */
const LABELS: Readonly<Record<string, string>> = {
  "<router>": "router",
  "<address>": "server",
  "<path>": "service",
  "<bound>": "client",
  "<cause…>": "cause",
  "<code>": "status",
  "<class>": "class",
  "<cache>": "cache",
  "<name>": "algorithm",
  "<kind>": "kind",
  "<prefix>": "namer",
};

/** The label that a scope in the place of this variable becomes. */
export function labelOf(variable: string): string {
  const label = LABELS[variable];
  if (label === undefined) throw new Error(`no label is known for ${variable}`);
  return label;
}

/** All labels of a family, in order. */
export function labelsOf({ entity, path }: Family): readonly string[] {
  return [...entity.split("/"), ...path].filter((word) => word.startsWith("<")).map(labelOf);
}
