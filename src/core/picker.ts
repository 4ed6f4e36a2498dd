// What the request path asks of a balancer: one endpoint, now.

/** How ready something is to take a request; higher is better, so statuses compare as numbers. */
export const EndpointStatus = { closed: 0, busy: 1, open: 2 } as const;
export type EndpointStatus = (typeof EndpointStatus)[keyof typeof EndpointStatus];

/**
 * What a balancer compares endpoints by. Load counts from the acquisition of a session, connecting included, to its release
 * (finagle §2.1): whoever picked a node calls `start`, and `end` exactly once.
 */
export interface LoadCell {
  /** Requests that have started and not ended. */
  readonly pending: number;
  /** The load as of the last `weigh`: the lower the better; comparable between nodes of one balancer only. */
  readonly load: number;
  start(nowMs: number): void;
  /**
   * @param startedMs the time given to `start`.
   * @param failed it ended without a success; its latency says little then.
   */
  end(nowMs: number, startedMs: number, failed?: boolean): void;
  /** What was started has been answered, and goes on for as long as it likes: it is still pending, but its time is no longer latency. */
  answered(nowMs: number, startedMs: number): void;
  /** The end of what has been `answered`; instead of `end`. */
  left(nowMs: number): void;
  /** Brings `load` up to date. A field and not a result, because a returned fraction may have to be boxed. */
  weigh(nowMs: number): void;
}

/** An endpoint as a balancer sees it. */
export interface BalancerNode {
  /** Identity: the address as `host:port`. */
  readonly key: string;
  /** Share of traffic relative to others, zero or more. Changed by whoever updates the balancer, before the update. */
  weight: number;
  /** Made by the balancer (`newCell`), so that it fits the balancer's kind. */
  readonly cell: LoadCell;
  /** How ready the endpoint is for this pick. Of one that shall get only a part of the picks it differs from look to look. */
  status(nowMs: number): EndpointStatus;
  /** How ready it is, chance aside: for all who look and do not pick. */
  settledStatus(nowMs: number): EndpointStatus;
}

/** A balancer at one moment, for gauges and pages. */
export interface Census {
  readonly size: number;
  readonly available: number;
  readonly busy: number;
  readonly closed: number;
  /** Requests in progress over all nodes. */
  readonly load: number;
  readonly meanWeight: number;
  readonly weightClasses: number;
}

/** Chooses among nodes. Membership changes as a whole; what changes per request lives in the nodes. */
export interface Balancer<N extends BalancerNode> {
  /** All nodes, in the order of the last update. */
  readonly nodes: readonly N[];
  /** The load cell of a node to be. */
  newCell(): LoadCell;
  /** The node of this key, if it is a member. */
  get(key: string): N | undefined;
  /**
   * Replaces the membership and returns the nodes that left it: theirs to drain. Of two nodes with one key the first counts. A key
   * that stays keeps the node object it had, and takes over the weight of the one given.
   */
  update(nodes: readonly N[]): readonly N[];
  /**
   * A node, as ready as could be found with bounded effort; null only without any member. The node may be busy or closed when nothing
   * better was found: balancers fail open.
   */
  pick(nowMs: number): N | null;
  /** The best status among the nodes; closed without any. */
  status(nowMs: number): EndpointStatus;
  census(nowMs: number): Census;
}
