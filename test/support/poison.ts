// Objects that must not be used any more: whoever touches one is told where it was released.
import type { Pool, Reusable } from "../../src/base/pool.ts";

/** Fields that may be read after the release: the generation is how late events are recognised. */
const READABLE = new Set<PropertyKey>(["generation"]);

/** A use after release, or a second release. */
export class LateUse extends Error {
  override readonly name = "LateUse";
}

/** Makes every further use of a released object throw; `tell` hears of it too, because callers may swallow errors. */
function poison(object: object, readable: ReadonlySet<PropertyKey>, tell: (use: LateUse) => void): void {
  const kind = object.constructor.name;
  const released = new Error(`a ${kind} was released`);
  const refuse = (what: string): never => {
    const use = new LateUse(`${what} of a ${kind} after its release`, { cause: released });
    tell(use);
    throw use;
  };
  for (const key of Object.keys(object)) {
    if (readable.has(key)) continue;
    Object.defineProperty(object, key, {
      enumerable: false,
      get: () => refuse(`reading ${key}`),
      set: () => {
        refuse(`writing ${key}`);
      },
    });
  }
  Object.setPrototypeOf(
    object,
    new Proxy(Object.prototype, {
      get: (target, key, receiver) =>
        typeof key === "symbol" || key in target ? Reflect.get(target, key, receiver) : refuse(`using ${key}`),
      set: (_, key) => refuse(`writing ${String(key)}`),
    }),
  );
}

/**
 * Poisons what a pool takes back from now on.
 * @param alsoReadable further fields by which late events are recognised.
 */
export function poisonReleased<T extends Reusable>(
  pool: Pool<T>,
  tell: (use: LateUse) => void,
  alsoReadable: readonly (keyof T)[] = [],
): void {
  const readable = new Set<PropertyKey>([...READABLE, ...alsoReadable]);
  pool.poison = (object) => poison(object, readable, tell);
}
