// From slash-joined scopes to Prometheus names and labels (linkerd1 §7.3).
import type { Scope } from "../../telemetry/registry.ts";

/** Where a walk over the scopes stands, in the words of Prometheus. */
export interface Place {
  /** Scopes that became part of the metric's name. */
  readonly name: readonly string[];
  /** Scopes that became labels. */
  readonly labels: readonly (readonly [key: string, value: string])[];
}

export const START: Place = { name: [], labels: [] };

/**
 * One scope further down. `rt/<router>`, then `<entity>/<id>` (server, service, client, bindcache …) and `client/<id>/service/<path>`
 * become labels; so does what hangs below `failures` and `exn`, whose name becomes `exceptions`. The rest stays in the name.
 */
export function below(place: Place, child: Scope): Place {
  const key = labelFor(place, child);
  if (key === null) return { name: [...place.name, child.segment], labels: place.labels };
  if (key === "exception") return withException(place, child.segment);
  return { name: place.name, labels: [...place.labels, [key, child.segment]] };
}

function labelFor({ name, labels }: Place, child: Scope): string | null {
  const [root, entity = "", part] = name;
  if (root !== "rt") return null;
  if (name.length > 2 && ["failures", "exn", "exceptions"].includes(name.at(-1) ?? "")) return "exception";
  const known = (key: string) => labels.some(([taken]) => taken === key);
  if (!child.hasChildren) return null;
  if (name.length === 1) return known("rt") ? null : "rt";
  if (name.length === 2) return known(entity) ? null : entity;
  return name.length === 3 && entity === "client" && part === "service" && !known("service") ? "service" : null;
}

/** A chain of causes, one scope each, is one label: `a:b:c`. */
function withException(place: Place, segment: string): Place {
  const name = place.name.at(-1) === "exn" ? [...place.name.slice(0, -1), "exceptions"] : place.name;
  const [last, value] = place.labels.at(-1) ?? ["", ""];
  if (last !== "exception") return { name, labels: [...place.labels, ["exception", segment]] };
  return { name, labels: [...place.labels.slice(0, -1), ["exception", `${value}:${segment}`]] };
}

/** `prefix` and the name's scopes joined by colons, anything unusual replaced by `_`. */
export function metricName(prefix: string, place: Place): string {
  return `${prefix}${place.name.join(":")}`.replaceAll(/[^a-zA-Z0-9:]/g, "_");
}

/** `key="value", …` with values escaped as the text format wants. */
export function labelText(labels: Place["labels"]): string {
  return labels.map(([key, value]) => `${key.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escapeValue(value)}"`).join(", ");
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
