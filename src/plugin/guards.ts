// Code of plug-ins as the core calls it: what it throws stops at these. Identifiers and policies run per request.
import { Activity } from "../core/activity.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Identifier } from "../core/identifier.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { parsePath, type Path } from "../core/path.ts";
import { PluginError } from "../core/plugin-error.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { type AccrualPolicy, STAY } from "../resilience/accrual/policy.ts";
import type { PluginErrors } from "./errors.ts";
import type { RequestIdentifier } from "./kinds.ts";

/** An identifier whose errors fail the exchange with a cause of their own. */
export class GuardedIdentifier implements Identifier {
  readonly kind: string;
  readonly #inner: RequestIdentifier;
  readonly #errors: PluginErrors;

  constructor(kind: string, inner: RequestIdentifier, errors: PluginErrors) {
    this.kind = kind;
    this.#inner = inner;
    this.#errors = errors;
  }

  key(ex: Exchange): string | null {
    try {
      return this.#inner.key(ex);
    } catch (error) {
      throw new PluginError(this.#errors.take(error)); // cold: plug-ins that throw
    }
  }

  path(key: string): string {
    try {
      const path = this.#inner.path(key);
      const parsed = parsePath(path);
      if (parsed instanceof SyntaxProblem) throw new TypeError(`${JSON.stringify(path)} is no path: ${parsed.message}`);
      return path;
    } catch (error) {
      throw new PluginError(this.#errors.take(error)); // cold: as above
    }
  }

  apply(ex: Exchange): void {
    try {
      this.#inner.apply?.(ex);
    } catch (error) {
      throw new PluginError(this.#errors.take(error)); // cold: as above
    }
  }
}

/** A policy whose errors are counted and otherwise say nothing: the endpoint stays in use. */
export class GuardedAccrual implements AccrualPolicy {
  readonly #inner: AccrualPolicy;
  readonly #errors: PluginErrors;

  constructor(inner: AccrualPolicy, errors: PluginErrors) {
    this.#inner = inner;
    this.#errors = errors;
  }

  succeeded(nowMs: number): void {
    try {
      this.#inner.succeeded(nowMs);
    } catch (error) {
      this.#errors.take(error);
    }
  }

  failed(nowMs: number): number {
    try {
      const deadMs = this.#inner.failed(nowMs);
      if (deadMs === STAY || (deadMs >= 0 && deadMs < Number.POSITIVE_INFINITY)) return deadMs;
      throw new RangeError(`${deadMs} ms is no time to be dead`); // cold: plug-ins in error
    } catch (error) {
      this.#errors.take(error);
      return STAY;
    }
  }

  spared(): void {
    try {
      this.#inner.spared();
    } catch (error) {
      this.#errors.take(error);
    }
  }

  revived(nowMs: number): void {
    try {
      this.#inner.revived(nowMs);
    } catch (error) {
      this.#errors.take(error);
    }
  }
}

/** A namer whose errors are failed look-ups. */
export function guardedNamer(prefix: Path, inner: Omit<Namer, "prefix">, errors: PluginErrors): Namer {
  return {
    prefix,
    lookup(rest): Activity<NamedTree> {
      try {
        return inner.lookup(rest);
      } catch (error) {
        return Activity.failed(errors.take(error).message);
      }
    },
    ...(inner.names === undefined ? {} : { names: () => inner.names?.() ?? Promise.resolve([]) }),
    ...(inner.state === undefined ? {} : { state: () => inner.state?.() }),
  };
}
