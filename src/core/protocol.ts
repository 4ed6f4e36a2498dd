// Where the router and the protocols meet: what a router needs of whatever its callers and its endpoints speak. Everything per message goes
// through `ExchangeHandler`, `Downstream`, `Session` and `Upstream`; this is what is asked once per listener, client or answer that refuses.
import type { ConnectOptions, Listener } from "./byte-stream.ts";
import type { Exchange } from "./exchange.ts";
import type { Failure } from "./failure.ts";
import type { MessageHead } from "./message-head.ts";
import type { Nack } from "./nack.ts";
import type { Connect, Session, SessionOwner, SessionSource } from "./session.ts";

/** A listener and its connections, whatever they speak. */
export interface ProtocolServer {
  readonly listener: Listener | null;
  readonly connections: number;
  /**
   * Asks every connection to go with its next answer, while those that are idle are not closed: a request may be on its way. The listener is
   * left alone. Connections that have no way of being asked are closed when the server is drained, some time later.
   */
  leave?(): void;
  /**
   * Stops accepting, lets every exchange finish, and resolves when the last connection is closed.
   * @param patienceMs an idle connection may stay until it has been quiet for so long: a request may be on its way. 0 when left out.
   */
  drain(patienceMs?: number): Promise<void>;
  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void;
}

/** A number that grows. */
interface Adding {
  add(amount: number): void;
}

/** Figures of a server's connections. */
export interface ServerFigures {
  readonly sentBytes: Adding;
  readonly receivedBytes: Adding;
  opened(): void;
  /** @param served exchanges that the connection carried. */
  closed(durationMs: number, served: number): void;
}

/** Figures of the connections to endpoints. */
export interface ClientFigures {
  readonly sentBytes: Adding;
  readonly receivedBytes: Adding;
  connected(ms: number): void;
  connectFailed(ms: number): void;
  connectCancelled(): void;
  /** Bytes came that nobody had asked for. */
  unexpected(): void;
}

/** The client half, for one client: how its endpoints are connected to, and who keeps their sessions. */
export interface ClientHalf<E> {
  /** What opens sessions to an endpoint. */
  connect(endpoint: ConnectOptions): (owner: SessionOwner) => Session;
  /** Keeps the sessions of an endpoint. */
  pool(connect: Connect): SessionSource & SessionOwner;
  /** What an answer with status 503 says of having worked on the request. */
  nackOf(ex: Exchange, head: MessageHead): Nack;
  /** Figures of all endpoints are read from them. */
  watch(endpoints: () => readonly E[]): void;
}
