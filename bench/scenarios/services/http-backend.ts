// A backend's HTTP/1.1.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Backend, Speak } from "./backend.ts";

/** Keeps connections: a backend that closes idle ones would add a fault nobody asked for. */
const KEPT_MS = 600_000;

/** One HTTP server for all backends; a connection remembers whose it is. */
export function speakHttp(): Speak {
  const owners = new WeakMap<Socket, Backend>();
  const server = createServer({ keepAliveTimeout: KEPT_MS }, (request, response) => {
    request.resume();
    request.on("end", () => owners.get(request.socket)?.serve(idOf(request), answering(request, response)));
    response.on("error", () => undefined); // the caller may go first
  });
  return (socket, backend) => {
    owners.set(socket, backend);
    server.emit("connection", socket);
  };
}

function idOf(request: IncomingMessage): string {
  return request.url === "/health" ? "" : String(request.headers["x-id"]);
}

function answering(request: IncomingMessage, response: ServerResponse) {
  const end = (status: number): void => {
    const id = idOf(request);
    response.writeHead(status, { "x-id": id, "content-type": "text/plain" }).end(`answer to ${id}\n`);
  };
  return { ok: () => end(200), fail: () => end(503), socket: request.socket };
}
