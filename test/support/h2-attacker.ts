// A process that attacks a port as a parent tells it: steadily, on a few connections, each of which is opened again when it is cut off.
import net from "node:net";
import { type Attack, attacks } from "./h2-attacks.ts";
import { ACK, CLIENT_PREFACE, FrameCutter, settingsFrame, Type } from "./h2-frames.ts";

/** What to do. */
export interface AttackOrder {
  readonly attack: string;
  readonly port: number;
}

/** What was done, when the parent has said `null`. */
export interface AttackReport {
  readonly units: number;
  readonly connections: number;
  /** How many of those were told to go away, or just closed. */
  readonly cutOff: number;
}

/** Unless the attack has more. */
const CONNECTIONS = 4;
const TICK_MS = 5;
const AWAY_MS = 100;
const MOST_UNSENT_BYTES = 256 * 1024;

class Connection {
  readonly #attack: Attack;
  readonly #port: number;
  /** The unit again and again, where all are the same. */
  readonly #repeated: Buffer;
  #socket: net.Socket | null = null;
  #backMs = 0;
  #i = 0;
  units = 0;
  opened = 0;
  cutOff = 0;

  constructor(attack: Attack, port: number, mostAtOnce: number) {
    this.#attack = attack;
    this.#port = port;
    const { unit } = attack;
    this.#repeated = Buffer.concat(typeof unit === "function" ? [] : Array.from({ length: mostAtOnce }, () => unit));
  }

  send(due: number): void {
    if (this.#socket === null && performance.now() < this.#backMs) return;
    const socket = (this.#socket ??= this.#open());
    if (socket.writableLength > MOST_UNSENT_BYTES) return;
    const { most = Number.POSITIVE_INFINITY, unit } = this.#attack;
    const first = this.#i;
    const units = Math.min(due, most - first);
    if (typeof unit !== "function") socket.write(this.#repeated.subarray(0, units * unit.length));
    else socket.write(Buffer.concat(Array.from({ length: units }, (_, n) => unit(first + n))));
    this.#i += units;
    this.units += units;
  }

  #open(): net.Socket {
    const { deaf = false, http1 = false, opening = [], settings = [] } = this.#attack;
    this.#i = 0;
    this.opened++;
    const socket = net.connect({ port: this.#port, host: "127.0.0.1" });
    const cutter = new FrameCutter();
    socket.setNoDelay(true);
    if (http1 && !deaf) socket.resume();
    else if (!deaf) {
      socket.on("data", (bytes: Buffer) => {
        for (const { flags, type } of cutter.push(bytes)) {
          if (type === Type.settings && (flags & ACK) === 0) socket.write(SETTINGS_ACK);
          if (type === Type.goaway) socket.destroy();
        }
      });
    }
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#backMs = performance.now() + AWAY_MS;
      this.cutOff++;
    });
    if (!http1) socket.write(Buffer.concat([Buffer.from(CLIENT_PREFACE), settingsFrame(settings)]));
    socket.write(Buffer.concat(opening));
    return socket;
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }
}

const SETTINGS_ACK = Buffer.from([0, 0, 0, Type.settings, ACK, 0, 0, 0, 0]);

function begin({ attack: name, port }: AttackOrder): () => AttackReport {
  const attack = attacks[name];
  if (attack === undefined) throw new Error(`no attack is called ${name}`);
  const atOnce = Math.ceil((attack.perSecond * TICK_MS) / 1000);
  const connections = Array.from(
    { length: attack.connections ?? CONNECTIONS },
    () => new Connection(attack, port, atOnce),
  );
  const startedMs = performance.now();
  let sent = 0;
  let turn = 0;
  // One of them after the other says all that is due.
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * attack.perSecond) - sent;
    connections[turn++ % connections.length]?.send(Math.min(due, atOnce));
    sent += due;
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    const sum = (of: (one: Connection) => number): number => connections.reduce((all, one) => all + of(one), 0);
    const report = {
      units: sum(({ units }) => units),
      connections: sum(({ opened }) => opened),
      cutOff: sum(({ cutOff }) => cutOff),
    };
    for (const one of connections) one.close();
    return report;
  };
}

let end: (() => AttackReport) | null = null;
process.on("message", (order: AttackOrder | null) => {
  const report = end?.();
  end = null;
  if (order === null) process.send?.(report);
  else end = begin(order);
});
process.on("disconnect", () => process.exit());
process.send?.(null);
