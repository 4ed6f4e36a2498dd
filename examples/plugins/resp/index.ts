// RESP2, the protocol of Redis, as a protocol of fairlead: `routers: [{protocol: resp}]`.
import {
  type Classifier,
  Connections,
  counter,
  definePlugin,
  defineProtocol,
  int,
  Nack,
  Verdict,
} from "fairlead/plugin";
import { ClientSession } from "./client.ts";
import { database, keyPrefix } from "./identifiers.ts";
import type { Reply } from "./reply.ts";
import { ServerConnection, type ServerWorld } from "./server.ts";

/** By status, see `reply.ts`: errors of the command are no failures of the service. */
const classifier: Classifier = {
  kind: "resp.replies",
  late: false,
  retries: true,
  answer: (ex, status) => (status !== 503 ? Verdict.success : ex.idempotent ? Verdict.retryable : Verdict.failure),
  end: () => Verdict.success,
  pushbackMs: () => 0,
  failed: (ex, failure) => (ex.idempotent && failure.source === "upstream" ? Verdict.retryable : Verdict.failure),
};

const resp = defineProtocol({
  doc: "RESP2, the protocol of Redis: single commands, each to the service of its keys.",
  port: 6379,
  identifiers: { "resp.keyPrefix": keyPrefix, "resp.database": database },
  defaultIdentifier: { kind: "resp.keyPrefix" },
  routerKeys: {
    databases: int({
      doc: "How many databases SELECT may choose from, for `resp.database`.",
      default: 1,
      min: 1,
      max: 10_000,
    }),
  },
  serverKeys: {
    maxCommandBytes: int({ doc: "Length of a command.", unit: "bytes", default: 1_048_576, min: 64 }),
    maxArguments: int({ doc: "Arguments of a command.", default: 10_000, min: 1 }),
    stallTimeoutMs: int({
      doc: "A command that has begun must be complete, and some of an answer taken, within this time; 0 for any.",
      unit: "ms",
      default: 10_000,
    }),
  },
  clientKeys: {},
  serviceKeys: {},
  metrics: {
    local: counter("Commands that were answered here: PING, ECHO, SELECT, QUIT and the like."),
    refused: counter("Commands that are not passed on."),
    malformed: counter("Connections closed because what came is not RESP."),
    redirects: counter("MOVED and ASK of services."),
  },

  make({ databases }, { loop, metrics, transport }) {
    return {
      async listen(config, options, handler, figures) {
        const connections = new Connections<ServerConnection>();
        const world: ServerWorld = {
          loop,
          handler,
          figures,
          counters: metrics,
          limits: {
            maxBytes: config.maxCommandBytes,
            maxArguments: config.maxArguments,
            stallMs: config.stallTimeoutMs,
            idleMs: config.serverSession.idleTimeMs ?? 0,
            databases,
          },
          gone: (connection) => connections.gone(connection),
        };
        const listener = await transport.listen(options, (stream) => {
          loop.tick();
          if (connections.draining) stream.destroy();
          else connections.add(new ServerConnection(stream, world));
        });
        return {
          listener,
          get connections() {
            return connections.size;
          },
          leave: () => connections.leave(),
          drain: () => connections.drain(listener),
          abandon: (failure) => connections.abandon(failure),
        };
      },
      connector(_, endpoint, connectTimeoutMs, figures) {
        const replied = ({ status }: Reply) => {
          if (status === 302) metrics.redirects.inc();
        };
        const world = { loop, transport, figures, endpoint, connectTimeoutMs, replied };
        return (owner) => new ClientSession(world, owner);
      },
      classifier: () => classifier,
      // The service has done nothing, and the caller should read why if no other does it.
      nackOf: () => Nack.hinted,
    };
  },
});

export const plugin = definePlugin({ name: "resp", protocols: { resp } });
