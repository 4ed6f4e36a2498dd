// A caller on a connection of its own that asks again and again, and notices when it is turned away.
import net from "node:net";

/** What came back: `200`, or `503 proxy.limit.descriptors`; `gone` when the connection was closed. */
export type Said = string;

export class KeptCaller {
  readonly socket: net.Socket;
  gone = false;
  #received = "";
  #waiting: ((said: Said) => void) | null = null;

  constructor(port: number) {
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.on("error", () => undefined); // 'close' follows
    this.socket.on("close", () => {
      this.gone = true;
      this.#say("gone");
    });
    this.socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      this.#read();
    });
  }

  /** One request; not before the one before it is answered. */
  ask(host = "web", fields = ""): Promise<Said> {
    if (this.gone) return Promise.resolve("gone");
    return new Promise((said) => {
      this.#waiting = said;
      this.socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #read(): void {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
    if (this.#received.length < headEnd + 4 + length) return;
    const cause = /^fairlead-cause: ([^;\r]*)/im.exec(head)?.[1];
    this.#received = "";
    this.#say(head.slice(9, 12) + (cause === undefined ? "" : ` ${cause}`));
  }

  #say(said: Said): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(said);
  }
}

/** A connection that has been used once. @throws Error when it was not answered 200 */
export async function used(port: number): Promise<KeptCaller> {
  const caller = new KeptCaller(port);
  const said = await caller.ask();
  if (said !== "200") throw new Error(`answered ${said}`);
  return caller;
}

/** Callers that are made at a time. */
const AT_ONCE = 50;

/** So many of something, some at a time. */
export async function inTurns<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let left = count; left > 0; left -= AT_ONCE) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(left, AT_ONCE) }, make))));
  }
  return all;
}
