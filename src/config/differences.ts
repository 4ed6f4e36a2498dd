// What differs from Linkerd 1.x, printed from the schema.
import { cell, defaultIn, defaultText } from "./reference.ts";
import { type Spec } from "./spec.ts";
import { type Place, placesOf } from "./walk.ts";

/** The tables of differences as Markdown. */
export function differenceTables(root: Spec): string {
  const places = [...placesOf(root)];
  return [
    table(
      "Defaults that `fairlead: 1` changes",
      ["key", "Linkerd 1.x file", "with `fairlead: 1`", "meaning"],
      places.flatMap(changedDefault),
    ),
    table(
      "Keys that Linkerd 1.x does not have; their defaults hold in every file",
      ["key", "default", "meaning"],
      places.flatMap(newKey),
    ),
    table("Different in every file", ["key", "difference", "to have it as before"], places.flatMap(different)),
    table("Accepted with a warning", ["key, kind or value", "warning"], places.flatMap(accepted)),
    table("Refused", ["key, kind or value", "why", "what to do"], places.flatMap(refused)),
  ].join("\n");
}

type Row = readonly string[];

function table(title: string, columns: Row, rows: readonly Row[]): string {
  const lines = [columns, columns.map(() => "---"), ...merged(rows)].map((row) => `| ${row.map(cell).join(" | ")} |`);
  return [`## ${title}`, "", ...lines, ""].join("\n");
}

/** What is the same in routers of several protocols, in one row. */
function merged(rows: readonly Row[]): Row[] {
  const places = new Map<string, string[]>();
  for (const [place = "", ...rest] of rows) {
    const key = JSON.stringify([place.replace(/^`routers\[[^\]]*\]/, "`routers"), ...rest]);
    places.set(key, [...(places.get(key) ?? []), place]);
  }
  return [...places].map(([key, same]) => [same.join(", "), ...(JSON.parse(key) as Row).slice(1)]); // written just above
}

function changedDefault({ path, spec }: Place): Row[] {
  const original = defaultIn(spec, "linkerd");
  const modern = defaultIn(spec, "fairlead");
  return original === modern ? [] : [[`\`${path}\``, original, modern, spec.doc]];
}

function newKey({ path, what, spec, origin }: Place): Row[] {
  return what === "key" && origin === "fairlead" ? [[`\`${path}\``, defaultText(spec), spec.doc]] : [];
}

function different({ path, spec }: Place): Row[] {
  if (spec.differs === null) return [];
  return [[`\`${path}\``, spec.differs.says, spec.differs.before ?? "–"]];
}

function accepted({ path, spec }: Place): Row[] {
  const rows: Row[] = [];
  if (spec.class.at === "accepted") rows.push([`\`${path}\``, spec.class.warning]);
  if (spec.warn !== null) rows.push([`\`${path}\`: ${spec.warn.shown}`, spec.warn.because]);
  return rows;
}

function refused({ path, spec }: Place): Row[] {
  const rows: Row[] = [];
  if (spec.class.at === "refused") rows.push([`\`${path}\``, spec.class.reason, spec.class.instead]);
  if (spec.refuse !== null) rows.push([`\`${path}\`: ${spec.refuse.shown}`, spec.refuse.because, spec.refuse.instead]);
  return rows;
}
