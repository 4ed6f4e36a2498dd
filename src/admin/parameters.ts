// What a request asks for: the parameters of its query, or of a body in form or JSON.
import { LocalProblem } from "../protocols/http1/local-answer.ts";

const MAX_PARAMETERS = 100;

/** Named texts, each given at most once. */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** `a=1&b=two%20words`, as in a query or a form. @throws LocalProblem 400 */
  static fromForm(text: string, where: string): Parameters {
    const values = new Map<string, string>();
    for (const pair of text.split("&", MAX_PARAMETERS + 1)) {
      if (pair === "") continue;
      const equals = pair.indexOf("=");
      const [name, value] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
      add(values, decoded(name, where), decoded(value, where), where);
    }
    return new Parameters(values);
  }

  /** A JSON object of texts. @throws LocalProblem 400 */
  static fromJson(text: string): Parameters {
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries(parsedObject(text))) {
      if (typeof value !== "string")
        throw new LocalProblem(400, `"${name}" in the body must be a text, not ${JSON.stringify(value)}`);
      add(values, name, value, "the body");
    }
    return new Parameters(values);
  }

  /** A body, by its media type; without one it is JSON when it begins like it. @throws LocalProblem 400 or 415 */
  static fromBody(body: Buffer, mediaType: string | undefined): Parameters {
    const text = textOf(body);
    const type = mediaType?.split(";", 1)[0]?.trim().toLowerCase();
    if (type === "application/json") return Parameters.fromJson(text);
    const isForm = type === "application/x-www-form-urlencoded";
    // What `curl -d '{…}'` sends is called a form, too.
    if (isForm || type === undefined)
      return /^\s*\{/.test(text) ? Parameters.fromJson(text) : Parameters.fromForm(text.trim(), "the body");
    throw new LocalProblem(415, `the body is ${type}; send application/json or application/x-www-form-urlencoded`);
  }

  /** These, and those of `other` whose names are not among them. */
  with(other: Parameters): Parameters {
    return new Parameters(new Map([...other.#values, ...this.#values]));
  }

  get(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** @param what says what the value is, for whoever left it out. @throws LocalProblem 400 */
  required(name: string, what: string): string {
    const value = this.#values.get(name);
    if (value === undefined || value === "") throw new LocalProblem(400, `the parameter "${name}" is missing: ${what}`);
    return value;
  }

  /** `1` or `true`, `0` or `false`, or just the name; false when it is not there. @throws LocalProblem 400 */
  flag(name: string): boolean {
    const value = this.#values.get(name)?.toLowerCase();
    if (value === undefined || value === "0" || value === "false") return false;
    if (value === "1" || value === "true" || value === "") return true;
    throw new LocalProblem(400, `the parameter "${name}" is "${value}"; write 1 or true, or leave it out`);
  }
}

function add(values: Map<string, string>, name: string, value: string, where: string): void {
  if (values.has(name)) throw new LocalProblem(400, `${where} has the parameter "${name}" twice`);
  if (values.size >= MAX_PARAMETERS) throw new LocalProblem(400, `${where} has more than ${MAX_PARAMETERS} parameters`);
  values.set(name, value);
}

/** Undoes the escapes of a URL. @throws LocalProblem 400 */
export function unescaped(text: string, where: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new LocalProblem(400, `${where} has an escape that is no UTF-8: "${text.slice(0, 100)}"`);
  }
}

function decoded(text: string, where: string): string {
  return unescaped(text.replaceAll("+", " "), where);
}

function parsedObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new LocalProblem(400, `the body is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new LocalProblem(400, `the body must be a JSON object such as {"path": "/svc/users"}`);
}

function textOf(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new LocalProblem(400, "the body is no UTF-8 text");
  }
}
