// Configuration of the admin server (reference §7.5).
import { int, ip, object, port, unavailable } from "../config/schema.ts";
import { serverSocketOptions, tls } from "../transport/config.ts";

export const admin = object(
  { doc: "The server for people and monitoring: metrics, state, log levels, shutdown.", default: {} },
  {
    ip: ip({ doc: "Address to listen on. Whoever reaches it can stop the process.", default: "127.0.0.1" }),
    port: port({ doc: "Port to listen on; 0 lets the system choose.", default: 9990 }),
    socketOptions: serverSocketOptions,
    shutdownGraceMs: int({
      doc: "How long requests in flight may take after a stop was asked for.",
      unit: "ms",
      default: 10_000,
    }),
    tls,
    httpIdentifierPort: unavailable(
      "A port that answers with the name each router would give a request.",
      "remove it; `fairlead dtab explain` shows how a name is resolved",
    ),
    workerThreads: int({
      doc: "Threads of the admin server.",
      min: 1,
      accepted: "has no effect: the admin server needs no threads of its own",
    }),
    security: unavailable("Which admin pages are served.", "remove it, and listen on 127.0.0.1 only"),
  },
);
