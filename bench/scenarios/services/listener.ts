// A port that can be closed and opened again.
import { createServer, type Server, type Socket } from "node:net";

/** Listens, and hands over connections. */
export class Listener {
  readonly #port: number;
  readonly #accept: (socket: Socket) => void;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  constructor(port: number, accept: (socket: Socket) => void) {
    this.#port = port;
    this.#accept = accept;
  }

  up(): Promise<void> {
    if (this.#server !== null) return Promise.resolve();
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined); // `close` follows
      this.#accept(socket);
    });
    this.#server = server;
    return new Promise((done, failed) => {
      server.once("error", failed);
      server.listen(this.#port, "127.0.0.1", done);
    });
  }

  /** Closes the port and resets what is open, as the kernel does for a process that was killed with unread bytes. */
  down(): void {
    this.#server?.close();
    this.#server = null;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}
