// Environment variables in values: `${NAME}`, `${NAME:-default}`, and `$$` for a dollar sign before a brace.
// Done after parsing and only inside scalars, so a variable can never add a key, an item or a line of configuration.
import { type ConfigNode, type ScalarNode } from "./node.ts";
import { type KeyPath, type Problems, quote } from "./problems.ts";
import { sourceOffset } from "./scalar-offset.ts";

/** Variables by name; what is not there is unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The same tree with all variables filled in; an unset one without default is a problem at its place. */
export function expandEnvironment(root: ConfigNode, environment: Environment, problems: Problems): ConfigNode {
  return new Expansion(environment, problems).expand(root, []);
}

const reference = /\$(?:\$(?=\{)|\{([^}]*)(\}?))/g;
const referenceContent = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

class Expansion {
  readonly #environment: Environment;
  readonly #problems: Problems;
  /** Aliases share nodes; each is expanded once, so sharing costs nothing here either. */
  readonly #done = new Map<ConfigNode, ConfigNode>();

  constructor(environment: Environment, problems: Problems) {
    this.#environment = environment;
    this.#problems = problems;
  }

  expand(node: ConfigNode, path: KeyPath): ConfigNode {
    const known = this.#done.get(node);
    if (known !== undefined) return known;
    const expanded = this.#expandNew(node, path);
    this.#done.set(node, expanded);
    return expanded;
  }

  #expandNew(node: ConfigNode, path: KeyPath): ConfigNode {
    if (node.type === "scalar") return this.#scalar(node, path);
    if (node.type === "list")
      return { ...node, items: node.items.map((item, index) => this.expand(item, [...path, index])) };
    return {
      ...node,
      entries: node.entries.map((entry) => ({ ...entry, value: this.expand(entry.value, [...path, entry.key]) })),
    };
  }

  #scalar(node: ScalarNode, path: KeyPath): ScalarNode {
    const value = node.value;
    if (typeof value !== "string" || !value.includes("${")) return node;
    let failed = false;
    const text = value.replaceAll(
      reference,
      (whole: string, content: string | undefined, closing: string, offset: number) => {
        if (content === undefined) return "$";
        const found = closing === "" ? null : this.#lookUp(content);
        if (typeof found === "string") return found;
        if (!failed) this.#report(node, path, offset, whole, found);
        failed = true;
        return whole;
      },
    );
    return { ...node, value: text, text, expanded: true };
  }

  /** The value, the name of a variable that is unset, or null when this is no proper reference. */
  #lookUp(content: string): string | { readonly unset: string } | null {
    const match = referenceContent.exec(content);
    const name = match?.[1];
    if (name === undefined) return null;
    const value = Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined;
    const fallback = match?.[2];
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    if (fallback !== undefined && (value === undefined || value === "")) return fallback;
    return value ?? { unset: name };
  }

  #report(
    node: ScalarNode,
    path: KeyPath,
    offset: number,
    whole: string,
    found: { readonly unset: string } | null,
  ): void {
    const start = sourceOffset(this.#problems.source.text, node, offset);
    const span = { start, end: Math.min(start + whole.length, Math.max(node.end, start)) };
    if (found === null) {
      this.#problems.error(
        span,
        path,
        `${quote(whole)} is no variable reference`,
        "write ${NAME} or ${NAME:-default}, or $${ for a plain ${",
      );
    } else {
      this.#problems.error(
        span,
        path,
        `the environment variable ${found.unset} is not set`,
        `set it, or write \${${found.unset}:-default}`,
      );
    }
  }
}
