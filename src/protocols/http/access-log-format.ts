// The forms of an access log line, each compiled once into a list of pieces.
import { nearest } from "../../config/suggest.ts";
import { LOG_FIELDS, type LogField } from "./access-log-fields.ts";

/** As a router's `httpAccessLogFormat` says it. */
export type AccessLogFormat =
  | { readonly kind: "combined" }
  | { readonly kind: "json" }
  | { readonly kind: "template"; readonly template: string };

/** A part of a template: text that stands as it is, or a field. */
export type TemplatePiece = string | LogField;

const FIELD = /%\{([^}]*)\}/g;

/** The pieces of a template in their order, or what is wrong with it. */
export function parseTemplate(
  template: string,
): readonly TemplatePiece[] | { readonly message: string; readonly advice: string } {
  const pieces: TemplatePiece[] = [];
  let at = 0;
  for (const match of template.matchAll(FIELD)) {
    const name = match[1] ?? "";
    const field = LOG_FIELDS.find((known) => known.name === name);
    if (field === undefined) return unknownField(name);
    if (match.index > at) pieces.push(template.slice(at, match.index));
    pieces.push(field);
    at = match.index + match[0].length;
  }
  const rest = template.slice(at);
  if (rest.includes("%{"))
    return { message: `"${rest.slice(rest.indexOf("%{"), 40)}" has no "}"`, advice: "write %{field}" };
  // Control characters would let one line look like several, and other characters would not be the ASCII that readers are promised.
  if (/[^ -~]/.test(template))
    return {
      message: "the template has a line break or other characters than ASCII",
      advice: "write one line of ASCII",
    };
  if (rest !== "") pieces.push(rest);
  return pieces;
}

function unknownField(name: string): { message: string; advice: string } {
  const known = LOG_FIELDS.map((field) => field.name);
  const near = nearest(name, known);
  const advice = near === null ? `write one of ${known.join(", ")}` : `did you mean "%{${near}}"?`;
  return { message: `there is no field "${name.slice(0, 60)}"`, advice };
}
