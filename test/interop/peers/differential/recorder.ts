// A service of HTTP/1.1 that trusts nobody: it journals every byte, reads strictly, and answers as it is told.
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Malformed, type Message, MessageReader, valueOf } from "../../../support/http-text.ts";

/** The field by which a case is known on both sides of a proxy. */
export const CASE = "x-case";

/** Bytes of an answer, and what follows them. */
export interface Answer {
  readonly bytes: string;
  /** The connection ends with it. */
  readonly close?: boolean;
  /** Where it is cut, as shares of its length: each part is written by itself. */
  readonly cuts?: readonly number[];
}

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** What stands behind one proxy. */
export class Recorder {
  /** Whole requests by case, as the strict reader saw them. */
  readonly requests = new Map<string, Message[]>();
  /** What cannot be: bytes that are no request, and requests that nobody sent. */
  readonly problems: string[] = [];
  /** What is said to a case instead of 200. */
  readonly answers: ReadonlyMap<string, Answer>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #number = 0;

  constructor(answers: ReadonlyMap<string, Answer> = new Map()) {
    this.answers = answers;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    const connection = this.#number++;
    let journal = "";
    this.#sockets.add(socket);
    socket.setNoDelay().on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
    const reader = new MessageReader(
      "request",
      (message) => this.#take(message, socket),
      (head) => {
        if (valueOf(head, "expect") !== undefined) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
      },
    );
    socket.on("data", (chunk) => {
      journal += chunk.toString("latin1");
      try {
        reader.push(chunk.toString("latin1"));
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
        this.problems.push(`connection ${connection}: ${error.message} in ${JSON.stringify(journal.slice(-2000))}`);
        socket.destroy();
      }
    });
  }

  #take(message: Message, socket: Socket): void {
    const name = valueOf(message, CASE) ?? "";
    const known = this.requests.get(name);
    if (name === "") this.problems.push(`a request that nobody sent: ${JSON.stringify(message.raw.slice(0, 500))}`);
    else if (known === undefined) this.requests.set(name, [message]);
    else known.push(message);
    void say(socket, this.answers.get(name) ?? { bytes: ANSWER });
  }
}

async function say(socket: Socket, { bytes, close = false, cuts = [] }: Answer): Promise<void> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.round(cut * bytes.length);
    socket.write(bytes.slice(from, to), "latin1");
    from = to;
    await sleep(1);
  }
  socket.write(bytes.slice(from), "latin1");
  if (close) socket.end();
}
