// @hot Gentle re-entry: an endpoint that is new, or was out, gets a share of the picks that grows with time. A cold process (caches,
// compilers, connections) would break under a whole share at once, and be out again.
//
//   share
//   100 % ┤          ╭──────
//         │      ╭───╯
//    10 % ┤  ╭───╯
//         └──┴───────┴──────▶ time
//            back    + slowStartMs
//
// Balancers know nothing of it: the endpoint just reads busy as often as it is to be passed over.
import type { Random } from "../base/random.ts";
import { EndpointStatus } from "../core/picker.ts";

/** The share at the beginning. */
const FIRST_SHARE = 0.1;
/** How finely shares are drawn. */
const GRAINS = 1024;
/** What is known of the other endpoints holds for so long, unless one of them dies or returns. */
const GLANCE_MS = 100;

/** An endpoint's standing, as far as others ask. */
export interface Ramped {
  /** Taken out and not back yet. */
  readonly out: boolean;
  /** Back, with less than its whole share. */
  isRamping(nowMs: number): boolean;
  /** Since when. */
  readonly rampedFromMs: number;
}

/** An endpoint. */
interface Member {
  readonly accrual: Ramped;
  /** Chance aside. */
  settledStatus(nowMs: number): EndpointStatus;
}

/** The endpoints of one client. */
export class SlowStart {
  /** 0 = off. */
  readonly durationMs: number;
  readonly #random: Random;
  readonly #members: () => readonly Member[];
  #affordable = false;
  #lookAgainMs = 0;

  constructor(durationMs: number, random: Random, members: () => readonly Member[]) {
    this.durationMs = durationMs;
    this.#random = random;
    this.#members = members;
  }

  /** Shall an endpoint that ramps be passed over this time? It is handed over whole: a fraction as an argument would be boxed. */
  holdsBack(ramped: Ramped, nowMs: number): boolean {
    if (nowMs >= this.#lookAgainMs) this.#look(nowMs);
    if (!this.#affordable) return false;
    const share = FIRST_SHARE + (1 - FIRST_SHARE) * ((nowMs - ramped.rampedFromMs) / this.durationMs);
    return this.#random.int(GRAINS) >= share * GRAINS;
  }

  /** An endpoint went out or came back, or can be reached or not. */
  changed(): void {
    this.#lookAgainMs = 0;
  }

  // Others must be able to take what is held back: one at full strength where all can be used, and half of all where some cannot (dead, not
  // reached, full). With fewer, balancers that draw a few times would find only those, and lose requests for the sake of gentleness.
  #look(nowMs: number): void {
    this.#lookAgainMs = nowMs + GLANCE_MS;
    const members = this.#members();
    let full = 0;
    let out = 0;
    for (let i = 0; i < members.length; i++) {
      const member = members[i]!;
      if (member.accrual.out || member.settledStatus(nowMs) !== EndpointStatus.open) out++;
      else if (!member.accrual.isRamping(nowMs)) full++;
    }
    this.#affordable = out === 0 ? full > 0 : 2 * full >= members.length;
  }
}
