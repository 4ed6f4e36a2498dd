// Datagrams as those see them who send some now and then.

/** What became of them, as far as the sender can know. */
export interface SentDatagrams {
  readonly sent: number;
  /** Those that the system did not take. */
  readonly failed: number;
}

/** Looks the host up, and sends one after the other, each in a turn of the event loop. Rejects, in words, when the host has no address; then none was asked for. */
export type SendDatagrams = (host: string, port: number, datagrams: Iterable<Uint8Array>) => Promise<SentDatagrams>;
