// Host names to addresses, as an interface: the machine's resolver in production, a table in tests.

export type Resolution =
  /** IP addresses as text. */
  | { readonly at: "found"; readonly addresses: readonly string[] }
  /** The name service answered that there is no such host. */
  | { readonly at: "unknown" }
  /** No answer to rely on. */
  | { readonly at: "failed"; readonly message: string };

/** Resolves one host name. Calls back exactly once, possibly before returning. */
export interface Resolver {
  resolve(host: string, done: (resolution: Resolution) => void): void;
}
