// Shortcuts for tests about configuration.
import { type TextFormats } from "../../src/config/formats.ts";
import { type Loaded, load } from "../../src/config/load.ts";
import { type Problem } from "../../src/config/problems.ts";
import { type Schema } from "../../src/config/schema.ts";

/** A grammar for tests: a dtab is whatever has no "!!" in it. */
export const anyDtab: TextFormats = {
  dtab: (text) => {
    const offset = text.indexOf("!!");
    return offset === -1 ? null : { offset, message: "no double bang" };
  },
};

/** Loads without environment. */
export function loadText<T>(
  text: string,
  schema: Schema<T>,
  environment: Record<string, string> = {},
): Promise<Loaded<T>> {
  return load(text, schema, { file: "f", formats: anyDtab, environment });
}

/** `line:column path: message; advice` of each problem. */
export function told(problems: readonly Problem[]): string[] {
  return problems.map(({ line, column, path, message, advice }) => `${line}:${column} ${path}: ${message}; ${advice}`);
}
