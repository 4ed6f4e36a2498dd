// One of the ten: answers every request with its id, or fails in the way it was told to.
import type { Socket } from "node:net";
import { seededRandom } from "../../load/statistics.ts";
import { FLAP_EVERY_MS, type Fault, SLOW_BY_MS } from "../plan.ts";
import type { Journal } from "./journal.ts";
import { Listener } from "./listener.ts";

/** What a request costs a healthy backend. */
const WORK_MS = 2;
/** Of one that has too much to do. */
const FAILING_SHARE = 1 / 3;
/** No status line, and as a frame longer than any may be: with a small length it would be the begin of an unknown frame, which is legal. */
const GARBAGE = Buffer.from("\xff\xfe\xfd this is no HTTP of any version\r\n\r\n", "latin1");

/** How one request of either protocol is answered. */
export interface Answering {
  ok(): void;
  /** Says that it cannot, in the way of the protocol. */
  fail(): void;
  /** The connection it came on. */
  readonly socket: Socket;
}

/** Accepts connections and speaks a protocol on them. */
export type Speak = (socket: Socket, backend: Backend) => void;

export class Backend {
  readonly #listener: Listener;
  readonly #journal: Journal;
  #fault: Fault = "none";
  #flapping: NodeJS.Timeout | undefined;
  readonly #random: () => number;

  constructor(port: number, speak: Speak, journal: Journal) {
    this.#journal = journal;
    this.#random = seededRandom(port);
    this.#listener = new Listener(port, (socket) => speak(socket, this));
  }

  start(): Promise<void> {
    return this.#listener.up();
  }

  /** Answers with this fault from now on. */
  async become(fault: Fault): Promise<void> {
    this.#fault = fault;
    clearInterval(this.#flapping);
    if (fault === "stop" || fault === "flap") this.#listener.down();
    else await this.#listener.up();
    if (fault === "flap") this.#flap();
  }

  #flap(): void {
    let up = false;
    this.#flapping = setInterval(() => {
      up = !up;
      if (up) void this.#listener.up();
      else this.#listener.down();
    }, FLAP_EVERY_MS);
  }

  /** A whole request has come. `id` is empty for a health check. */
  serve(id: string, answering: Answering): void {
    if (id !== "") this.#journal.enter(id);
    switch (this.#fault) {
      case "none":
      case "flap":
      case "stop":
        setTimeout(() => answering.ok(), WORK_MS);
        return;
      case "slow":
        setTimeout(() => answering.ok(), WORK_MS + SLOW_BY_MS);
        return;
      case "reset":
        answering.socket.resetAndDestroy();
        return;
      case "garbage":
        answering.socket.write(GARBAGE);
        return;
      case "blackhole":
        return;
      case "errors":
        answering.fail();
        return;
      case "brownout":
        // Its health checks pass: it is not down, it has too much to do.
        if (id !== "" && this.#random() < FAILING_SHARE) answering.fail();
        else setTimeout(() => answering.ok(), WORK_MS);
    }
  }
}
