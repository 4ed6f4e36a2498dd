// A backend's gRPC: one message in, one out, the status in a trailer.
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { GRPC_TYPE, message, Status } from "../unary.ts";
import type { Answering, Backend, Speak } from "./backend.ts";

const UNLIMITED = 1_000_000_000;

/** One HTTP/2 server for all backends; a session remembers whose it is. */
export function speakGrpc(): Speak {
  const sockets: { socket: Socket; backend: Backend }[] = [];
  const owners = new WeakMap<ServerHttp2Session, { socket: Socket; backend: Backend }>();
  // Callers may reset as many streams as they like: giving up what a backend swallows is their right.
  const server = createServer({ streamResetBurst: UNLIMITED, streamResetRate: UNLIMITED });
  server.on("sessionError", () => undefined); // its streams end, and the caller sees it
  server.on("session", (session: ServerHttp2Session) => {
    const owner = sockets.shift();
    if (owner !== undefined) owners.set(session, owner);
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const owner = owners.get(stream.session as ServerHttp2Session); // it has one as long as it is open
    stream.on("error", () => undefined); // a reset with a code is an error to Node
    stream.resume();
    stream.on("end", () => {
      if (owner !== undefined) owner.backend.serve(idOf(headers), answering(stream, headers, owner.socket));
    });
  });
  return (socket, backend) => {
    sockets.push({ socket, backend }); // `session` comes before this returns
    server.emit("connection", socket);
  };
}

function idOf(headers: IncomingHttpHeaders): string {
  return isCheck(headers) ? "" : String(headers["x-id"]);
}

function isCheck(headers: IncomingHttpHeaders): boolean {
  return headers[":path"] === "/health";
}

function answering(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, socket: Socket): Answering {
  const end = (status: string): void => {
    if (stream.destroyed) return;
    if (isCheck(headers)) return stream.respond({ ":status": status === Status.ok ? 200 : 503 }, { endStream: true });
    const head = { ":status": 200, "content-type": GRPC_TYPE, "x-id": idOf(headers) };
    if (status !== Status.ok) return stream.respond({ ...head, "grpc-status": status }, { endStream: true });
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
    stream.end(message(`answer to ${idOf(headers)}`));
  };
  return { ok: () => end(Status.ok), fail: () => end(Status.unavailable), socket };
}
