// Policies by name: entries of a file merged in order, over the defaults.

/** One entry; without a prefix it holds for every name. Only what the file gives is in `params`. */
export interface PolicyEntry<P extends object> {
  readonly prefix: string | null;
  readonly params: { readonly [K in keyof P]?: P[K] };
}

/** All entries of a `client` or `service` section, in file order. */
export interface Policies<P extends object> {
  readonly defaults: P;
  readonly entries: readonly PolicyEntry<P>[];
}

/**
 * The policy for one name: every matching entry applies, and a later one replaces whole keys of earlier ones
 * (`loadBalancer` is one key, whatever is in it).
 * @param matches whether the name begins with the pattern of an entry
 */
export function mergePolicies<P extends object>(policies: Policies<P>, matches: (prefix: string) => boolean): P {
  let merged = policies.defaults;
  for (const { prefix, params } of policies.entries) {
    if (prefix === null || matches(prefix)) merged = { ...merged, ...params };
  }
  return merged;
}
