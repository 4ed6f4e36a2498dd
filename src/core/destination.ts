// Where a bound request goes, in names: what the l5d-dst-* headers, the logs and the metrics say.

/** One (path, client) pair. Immutable but for `encoded` and `fields`, which the protocol fills once. */
export class Destination {
  /** The logical name, `/svc/users`. */
  readonly service: string;
  /** The concrete name, `/#/io.l5d.fs/users`. */
  readonly client: string;
  /** What binding left over, `""` when nothing. */
  readonly residual: string;
  /** The protocol's own form of these names, made when first needed (HTTP: the header lines). */
  encoded: string | null = null;
  /** The same where a protocol has objects for its fields (HTTP/2). */
  fields: readonly object[] | null = null;

  constructor(service: string, client: string, residual: string) {
    this.service = service;
    this.client = client;
    this.residual = residual;
  }
}
