// A service that answers by calling the next one, over gRPC.
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { Channel, GRPC_TYPE, type Reply, Status } from "../unary.ts";
import { forwarded, type Next } from "./forwarded.ts";

const CONNECTIONS = 2;
const UNLIMITED = 1_000_000_000;

export async function relayGrpc(ports: readonly number[], next: Next): Promise<void> {
  const channel = new Channel(next.port, CONNECTIONS);
  const listening = ports.map((port) => {
    const server = createServer({ streamResetBurst: UNLIMITED, streamResetRate: UNLIMITED });
    server.on("sessionError", () => undefined); // its streams end, and the caller sees it
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
      relay(stream, headers, next, channel),
    );
    return new Promise<void>((done) => void server.listen(port, "127.0.0.1", done));
  });
  await Promise.all(listening);
}

function relay(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, next: Next, channel: Channel): void {
  const parts: Buffer[] = [];
  stream.on("error", () => undefined); // a reset with a code is an error to Node
  if (headers[":path"] === "/health") return stream.respond({ ":status": 200 }, { endStream: true });
  stream.on("data", (chunk: Buffer) => parts.push(chunk));
  stream.on("end", () => {
    const head = { ":path": headers[":path"], ":authority": next.name, ...forwarded(headers) };
    const call = channel.call(head, Buffer.concat(parts));
    stream.on("close", () => call.cancel()); // whoever asked has gone: so may the work
    void call.reply.then((reply) => answer(stream, reply));
  });
}

/** Passes the status on. A broken call, or an answer of HTTP alone, is UNAVAILABLE, as gRPC libraries have it. */
function answer(stream: ServerHttp2Stream, reply: Reply): void {
  if (stream.destroyed) return;
  const status = reply.status === "" ? Status.unavailable : reply.status;
  const head = { ":status": 200, "content-type": GRPC_TYPE, "x-id": String(reply.headers["x-id"] ?? "") };
  const tail = { "grpc-status": status, ...(reply.cause !== "" && { "fairlead-cause": reply.cause }) };
  if (status !== Status.ok) return stream.respond({ ...head, ...tail }, { endStream: true });
  stream.respond(head, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers(tail));
  stream.end(reply.body);
}
