// Which endpoints are served (linkerd1 §7.5). Each belongs to a category, and may be had
//
//   if its category is enabled, unless its path is on the blacklist;
//   if its category is disabled, only if its path is on the whitelist.
//
// What may not be had is not there: 404, and in no list. This is no authentication: see `guard.ts` for who may ask.
import { PathPattern } from "./path-pattern.ts";
import type { Category, Route } from "./routes.ts";

/** As the `security` section of the configuration has them. */
export interface SecurityRules {
  readonly uiEnabled: boolean;
  readonly controlEnabled: boolean;
  readonly diagnosticsEnabled: boolean;
  readonly pathWhitelist: readonly string[];
  readonly pathBlacklist: readonly string[];
}

/** The rules of one server. */
export class Security {
  readonly #enabled: Readonly<Record<Category, boolean>>;
  readonly #whitelist: readonly PathPattern[];
  readonly #blacklist: readonly PathPattern[];
  readonly #slow: (pattern: string) => void;

  /** @param slow is told of a pattern that takes too long, once. */
  constructor(rules: SecurityRules, slow: (pattern: string) => void) {
    this.#enabled = { ui: rules.uiEnabled, control: rules.controlEnabled, diagnostics: rules.diagnosticsEnabled };
    this.#whitelist = rules.pathWhitelist.map((text) => new PathPattern(text));
    this.#blacklist = rules.pathBlacklist.map((text) => new PathPattern(text));
    this.#slow = slow;
  }

  /** What may be had of an endpoint at a path; undefined when nothing may. @param path as it was sent, escapes included */
  at(route: Route, path: string): Route | undefined {
    const { get, post, ...about } = route;
    const reads = get !== undefined && this.allows(route.category, path);
    const changes = post !== undefined && this.allows(route.postCategory ?? route.category, path);
    if (!reads && !changes) return undefined;
    return { ...about, ...(reads ? { get } : {}), ...(changes ? { post } : {}) };
  }

  /** The rule itself. */
  allows(category: Category, path: string): boolean {
    // What is served is what the escapes stand for; a rule against either spelling holds.
    const meant = unescapedOrSame(path);
    if (!this.#enabled[category]) return this.#isIn(this.#whitelist, meant, false);
    return !this.#isIn(this.#blacklist, meant, true) && (meant === path || !this.#isIn(this.#blacklist, path, true));
  }

  /** @param ifUnknown what a pattern says that takes too long: whatever denies. */
  #isIn(patterns: readonly PathPattern[], path: string, ifUnknown: boolean): boolean {
    return patterns.some((pattern) => pattern.matches(path, this.#slow) ?? ifUnknown);
  }
}

function unescapedOrSame(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // answered with 400 where the escape is read
  }
}
