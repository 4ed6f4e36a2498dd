// The deterministic aperture's arithmetic (finagle §2.7). Clients and endpoints stand on two rings of circumference 1, each
// with equal arcs. A client uses the endpoints whose arcs its own window covers:
//
//   endpoints  |-- 0 --|-- 1 --|-- 2 --|-- 3 --|-- 4 --|
//   window             [ half of 1 … 2, 3 ……… )
//
// Windows are as wide as a whole number of clients' arcs, so that all of them together cover every endpoint equally often.

/** Which client of how many this is. */
export interface Peer {
  readonly id: number;
  readonly count: number;
}

/** Covers less than this of an endpoint's arc come from rounding. */
const NOTHING = 1e-9;

/**
 * The window's width. In floating point as Finagle computes it, where rounding may add a client's arc: all clients must agree.
 * @param logical endpoints a client wants at least.
 */
export function windowWidth(clients: number, endpoints: number, logical: number): number {
  const clientArc = 1 / clients;
  const wanted = logical * (1 / endpoints);
  return Math.min(1, Math.ceil(wanted / clientArc) * clientArc);
}

/** How much of each endpoint's arc the client's window covers, from 0 to 1. */
export function covers(peer: Peer, endpoints: number, logical: number): number[] {
  const offset = (peer.id / peer.count) % 1;
  const end = offset + windowWidth(peer.count, endpoints, logical);
  return Array.from({ length: endpoints }, (_, at) => {
    const from = at / endpoints;
    const to = (at + 1) / endpoints;
    // Once round the ring the arcs come again.
    const share = (common(from, to, offset, end) + common(from + 1, to + 1, offset, end)) * endpoints;
    return share < NOTHING ? 0 : Math.min(1, share);
  });
}

function common(fromA: number, toA: number, fromB: number, toB: number): number {
  return Math.max(0, Math.min(toA, toB) - Math.max(fromA, fromB));
}
