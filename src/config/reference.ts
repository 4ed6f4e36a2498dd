// The configuration reference, printed from the schema: what is not in the schema is not in the documentation, and the other way round.
import { formats } from "./formats.ts";
import { type Json } from "./node.ts";
import {
  type KeyClass,
  type KindSpec,
  type Mode,
  type NumberSpec,
  type ObjectSpec,
  type RefusedSpec,
  type Spec,
} from "./spec.ts";
import { contentOf, innerClass } from "./walk.ts";
import { unitNames } from "./wording.ts";

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Where the sections being written stand. */
interface Place {
  readonly path: string;
  /** The outermost choice of a kind, as in "with `protocol: h2`"; tells keys of one name but different content apart. */
  readonly scope: string;
  readonly titles: Titles;
}

/**
 * Titles of sections. A key that several kinds share, such as `dtab` or `backoff`, has one section, the first; one that
 * means something else in a later kind, such as `servers` of another protocol, has a section of its own.
 */
class Titles {
  readonly #taken = new Map<string, object>();

  /** The same each time it is asked. */
  of(content: ObjectSpec | KindSpec, { path, scope }: Omit<Place, "titles">): string {
    // Policies copy specs to make their keys optional; what is inside stays the same.
    const identity = content.type === "object" ? content.keys : content.kinds;
    const plain = `\`${path}\``;
    if (this.#take(plain, identity)) return plain;
    const scoped = plain + scope;
    this.#take(scoped, identity);
    return scoped;
  }

  #take(title: string, identity: object): boolean {
    const owner = this.#taken.get(title);
    if (owner === undefined) this.#taken.set(title, identity);
    return owner === undefined || owner === identity;
  }
}

/** All sections of the reference as Markdown, the top level first. */
export function referenceSections(root: ObjectSpec): string {
  const sections = new Map<string, Section>();
  const place: Place = { path: "", scope: "", titles: new Titles() };
  for (const section of objectSections("Top level", place, root, root.class)) {
    if (!sections.has(section.title)) sections.set(section.title, section);
  }
  return [...sections.values()].map(({ title, lines }) => [`## ${title}`, "", ...lines, ""].join("\n")).join("\n");
}

/** The section of one kind and those of what is inside of it. */
export function kindReference(title: string, kind: ObjectSpec): string {
  const place: Place = { path: title.replaceAll("`", ""), scope: "", titles: new Titles() };
  const sections = new Map(objectSections(title, place, kind, kind.class).map((section) => [section.title, section]));
  return [...sections.values()].map(({ title: own, lines }) => [`## ${own}`, "", ...lines, ""].join("\n")).join("\n");
}

function objectSections(title: string, place: Place, spec: ObjectSpec, outer: KeyClass): Section[] {
  const keys = Object.entries(spec.keys).filter(([name]) => spec.repeats?.keys.includes(name) !== true);
  const rows = keys.map(([name, key]) => keyRow(name, key, below(place, name), outer));
  const repeats = spec.repeats === null ? [] : ["", `Also every key of kind \`${spec.repeats.of}\`.`];
  const table =
    rows.length === 0 ? [] : ["", "| key | type | default | class | meaning |", "|---|---|---|---|---|", ...rows];
  const short = spec.short === null ? [] : ["", `\`${spec.short}\` alone may stand for the whole map.`];
  const own: Section = { title, lines: [spec.doc, ...table, ...repeats, ...short] };
  return [own, ...keys.flatMap(([name, key]) => innerSections(below(place, name), key, innerClass(outer, key)))];
}

/** Sections for what is inside of a key; keys with plain values and refused ones have none. */
function innerSections(outside: Place, spec: Spec, outer: KeyClass): Section[] {
  const content = contentOf(spec);
  if (content === null || outer.at === "refused") return [];
  const place = inside(outside, spec);
  const title = place.titles.of(content, place);
  return content.type === "object"
    ? objectSections(title, place, content, outer)
    : kindSections(title, place, content, spec.doc, outer);
}

function kindSections(title: string, place: Place, spec: KindSpec, doc: string, outer: KeyClass): Section[] {
  const rows = Object.entries(spec.kinds).map(([name, kind]) => kindRow(title, spec.tag, name, kind, outer));
  const omitted = spec.omitted === null ? [] : ["", `Without \`${spec.tag}\` it is \`${spec.omitted}\`.`];
  const open = spec.open === null ? [] : ["", "Plug-ins may add kinds ([plugins.md](plugins.md))."];
  const about = spec.doc === doc ? spec.doc : `${doc} ${spec.doc}`;
  const own: Section = {
    title,
    lines: [
      about,
      ...(rows.length === 0 ? [] : ["", `| ${spec.tag} | class | meaning |`, "|---|---|---|", ...rows]),
      ...omitted,
      ...open,
    ],
  };
  const kinds = Object.entries(spec.kinds).flatMap(([name, kind]) => {
    const scope = place.scope === "" ? ` with \`${spec.tag}: ${name}\`` : place.scope;
    return hasKeys(kind)
      ? objectSections(kindTitle(title, spec.tag, name), { ...place, scope }, kind, innerClass(outer, kind))
      : [];
  });
  return [own, ...kinds];
}

function hasKeys(spec: ObjectSpec | RefusedSpec): spec is ObjectSpec {
  return spec.type === "object" && Object.keys(spec.keys).length > 0;
}

function kindTitle(title: string, tag: string, name: string): string {
  return `${title} ${title.includes(" with ") ? "and" : "with"} \`${tag}: ${name}\``;
}

function kindRow(title: string, tag: string, name: string, kind: ObjectSpec | RefusedSpec, outer: KeyClass): string {
  const shown = hasKeys(kind) ? `[\`${name}\`](#${anchor(kindTitle(title, tag, name))})` : `\`${name}\``;
  return `| ${shown} | ${className(kind, outer)} | ${meaning(kind)} |`;
}

function keyRow(name: string, spec: Spec, place: Place, outer: KeyClass): string {
  return `| \`${name}\` | ${typeName(spec, place)} | ${defaultText(spec)} | ${className(spec, outer)} | ${meaning(spec)} |`;
}

function className(spec: Spec, outer: KeyClass): string {
  const experimental = spec.type === "object" && spec.experimental ? ", experimental" : "";
  return innerClass(outer, spec).at + experimental;
}

/** Meaning, with what limits it; written for a table cell. */
function meaning(spec: Spec): string {
  const parts = [spec.doc];
  if (spec.class.at === "accepted") parts.push(`*Warning: ${spec.class.warning}.*`);
  if (spec.class.at === "refused") parts.push(`*Refused: ${spec.class.reason}; ${spec.class.instead}.*`);
  if (spec.refuse !== null)
    parts.push(`*Refused if ${spec.refuse.shown}: ${spec.refuse.because}; ${spec.refuse.instead}.*`);
  if (spec.warn !== null) parts.push(`*Warning if ${spec.warn.shown}: ${spec.warn.because}.*`);
  if (spec.origin === "fairlead") parts.push("(not in Linkerd 1.x)");
  return cell(parts.join(" "));
}

/** The type of a key; what has a section of its own is linked. */
function typeName(spec: Spec, place: Place): string {
  switch (spec.type) {
    case "text":
      return spec.format === null ? "text" : formats[spec.format].called.replace(/^an? /, "");
    case "word":
      return spec.words.map((one) => `\`${one}\``).join(" or ");
    case "number":
      return `${numberType(spec.whole, spec.unit, spec.min, spec.max)}${spec.auto === null ? "" : " or `auto`"}`;
    case "bool":
      return "true or false";
    case "refused":
      return "–";
    case "list":
      if (!spec.single) return link(spec, place, "list");
      return `${contentOf(spec) === null ? typeName(spec.of, place) : link(spec, place, "map")} or list of such`;
    case "map":
      return contentOf(spec) === null
        ? `map of names, each with ${typeName(spec.of, place)}`
        : link(spec, place, "map of names");
    case "object":
    case "kind":
      return link(spec, place, spec.type === "kind" ? `map with a ${spec.tag}` : "map");
  }
}

function numberType(whole: boolean, unit: NumberSpec["unit"], min: number, max: number): string {
  const range = max >= 2_147_483_647 ? `≥ ${min}` : `${min} to ${max}`;
  return `${whole ? "whole " : ""}number${unit === null ? "" : ` of ${unitNames[unit]}`}, ${range}`;
}

/** The default; where `fairlead: 1` has another one, both. */
export function defaultText(spec: Spec): string {
  if (spec.required) return spec.unless === null ? "required" : `required without \`${spec.unless}\``;
  if (spec.type === "refused" || spec.class.at === "accepted") return "–";
  const original = defaultIn(spec, "linkerd");
  const modern = defaultIn(spec, "fairlead");
  return original === modern ? original : `${original}; with \`fairlead: 1\` ${modern}`;
}

export function defaultIn(spec: Spec, mode: Mode): string {
  const value = spec.defaults[mode];
  if (value === undefined) return spec.defaultDoc ?? "none";
  if (isEmptyMap(value)) return "the defaults below";
  return typeof value === "object" ? `\`${flow(value)}\`` : `\`${String(value) === "" ? '""' : String(value)}\``;
}

function isEmptyMap(value: Json): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** A value as YAML writes it on one line. */
function flow(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((item: Json) => flow(item)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(", ")}}`;
}

/** Text for a table cell: a bar would end it. */
export function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function below(place: Place, name: string): Place {
  return { ...place, path: place.path === "" ? name : `${place.path}.${name}` };
}

/** The place of the items of a list, or of the keys of a map. */
function inside(place: Place, spec: Spec): Place {
  if (spec.type === "map") return { ...place, path: `${place.path}.<name>` };
  return spec.type === "list" && !spec.single ? { ...place, path: `${place.path}[]` } : place;
}

/** A link to the section of what is inside of a key. */
function link(spec: Spec, outside: Place, text: string): string {
  const content = contentOf(spec);
  const place = inside(outside, spec);
  return content === null ? text : `[${text}](#${anchor(place.titles.of(content, place))})`;
}

/** The anchor that Markdown viewers give a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
