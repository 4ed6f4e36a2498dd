// Reads TypeScript as text: enough to find imports and words of code, without a parser.

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const QUOTED = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const TEMPLATE_PART = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{|$)/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
/** What stands before a slash that divides: a name, a number, a closing bracket. A keyword does not count as a name. */
const OPERAND_BEFORE = /[\w$)\]"'`]$/;
const KEYWORD_BEFORE = /\b(?:return|typeof|case|in|of|void|delete|throw|else|do|yield|await|instanceof)$/;
const NAMES = /\b(?:import|export)\s+(?:type\s+)?\{([^{}]*)\}\s*from\s*["']$/;
const LOADS = /\b(?:from\s*|import\s*|import\s*\(\s*|new\s+URL\s*\(\s*)(["'])/g;

/** A module that a file names. */
export interface Import {
  readonly specifier: string;
  /** What is taken from it by name; empty where everything is. */
  readonly names: readonly string[];
  /** Counted from 1. */
  readonly line: number;
}

/** The same text with comments and the insides of strings, templates and regular expressions turned to blanks; lines and columns stay. */
export function codeOnly(text: string): string {
  let code = "";
  const openBraces: number[] = [];
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = code.length;
    return pattern.exec(text)?.[0] ?? "";
  };
  const template = (): void => {
    const part = skip(TEMPLATE_PART);
    const opens = part.endsWith("${");
    code += blank(opens ? part.slice(0, -2) : part.slice(0, -1)) + (opens ? "${" : part.slice(-1));
    if (opens) openBraces.push(0);
  };
  while (code.length < text.length) {
    const char = text.charAt(code.length);
    const comment = char === "/" ? skip(COMMENT) : "";
    const quoted = char === '"' || char === "'" ? skip(QUOTED) : char === "/" && !divides(code) ? skip(REGEXP) : "";
    if (comment !== "") code += blank(comment);
    else if (quoted !== "") code += char + blank(quoted.slice(1, -1)) + quoted.slice(-1);
    else if (char === "`") {
      code += char;
      template();
    } else {
      code += char;
      if (closesTemplate(char, openBraces)) template();
    }
  }
  return code;
}

/** The modules that a file loads or takes types from, in order. */
export function importsOf(text: string): Import[] {
  const code = codeOnly(text);
  return [...code.matchAll(LOADS)].map((match) => {
    const start = match.index + match[0].length;
    const end = code.indexOf(match[1] ?? '"', start);
    const line = code.slice(0, start).split("\n").length;
    return { specifier: text.slice(start, end), names: namesBefore(code.slice(0, start)), line };
  });
}

function namesBefore(code: string): string[] {
  const list = NAMES.exec(code)?.[1]?.split(",") ?? [];
  return list
    .map((item) =>
      item
        .trim()
        .replace(/^type /, "")
        .replace(/ as .*/, ""),
    )
    .filter((name) => name !== "");
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, " ");
}

function divides(code: string): boolean {
  const before = code.slice(-200).trimEnd();
  return OPERAND_BEFORE.test(before) && !KEYWORD_BEFORE.test(before);
}

/** Counts braces inside `${…}`; true at the one that leads back into the template. */
function closesTemplate(char: string, openBraces: number[]): boolean {
  const depth = openBraces.at(-1);
  if (depth === undefined || (char !== "{" && char !== "}")) return false;
  if (char === "}" && depth === 0) return openBraces.pop() === 0;
  openBraces[openBraces.length - 1] = depth + (char === "{" ? 1 : -1);
  return false;
}
