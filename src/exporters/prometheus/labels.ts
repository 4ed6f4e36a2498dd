// From slash-joined scopes to Prometheus names and labels (linkerd1 §7.3).
import type { MetricsTree } from "../../telemetry/tree.ts";

type Label = readonly [key: string, value: string];

/** The labels of a place; made once and shared by all metrics that have them. */
interface Labels {
  readonly pairs: readonly Label[];
  /** `key="value", …` as the text format wants it. */
  readonly text: string;
}

/** Where a walk over the scopes stands, in the words of Prometheus. */
export interface Place {
  /** Scopes that became part of the metric's name. */
  readonly name: readonly string[];
  readonly labels: Labels;
}

export const START: Place = { name: [], labels: { pairs: [], text: "" } };

/**
 * One scope further down. `rt/<router>`, then `<entity>/<id>` (server, service, client, bindcache …) and `client/<id>/service/<path>`
 * become labels; so does what hangs below `failures` and `exn`, whose name becomes `exceptions`. The rest stays in the name.
 */
export function below(place: Place, child: MetricsTree): Place {
  const key = labelFor(place, child);
  if (key === null) return { name: [...place.name, child.segment], labels: place.labels };
  if (key === "exception") return withException(place, child.segment);
  return { name: place.name, labels: labelsOf([...place.labels.pairs, [key, child.segment]]) };
}

function labelFor({ name, labels }: Place, child: MetricsTree): string | null {
  const [root, entity = "", part] = name;
  if (root !== "rt") return null;
  if (name.length > 2 && ["failures", "exn", "exceptions"].includes(name.at(-1) ?? "")) return "exception";
  if (name.length > 3 || !child.hasChildren) return null;
  const known = (key: string) => labels.pairs.some(([taken]) => taken === key);
  if (name.length === 1) return known("rt") ? null : "rt";
  if (name.length === 2) return known(entity) ? null : entity;
  return entity === "client" && part === "service" && !known("service") ? "service" : null;
}

/** A chain of causes, one scope each, is one label: `a:b:c`. */
function withException({ name, labels }: Place, segment: string): Place {
  const renamed = name.at(-1) === "exn" ? [...name.slice(0, -1), "exceptions"] : name;
  const [last, value] = labels.pairs.at(-1) ?? ["", ""];
  if (last !== "exception") return { name: renamed, labels: labelsOf([...labels.pairs, ["exception", segment]]) };
  return { name: renamed, labels: labelsOf([...labels.pairs.slice(0, -1), ["exception", `${value}:${segment}`]]) };
}

function labelsOf(pairs: readonly Label[]): Labels {
  const text = pairs
    .map(([key, value]) => `${key.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escapeValue(value)}"`)
    .join(", ");
  return { pairs, text };
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** `prefix` and the name's scopes joined by colons, anything unusual replaced by `_`. */
export function metricName(prefix: string, place: Place): string {
  return `${prefix}${place.name.join(":")}`.replaceAll(/[^a-zA-Z0-9:]/g, "_").replace(/^(?=[0-9])/, "_");
}
