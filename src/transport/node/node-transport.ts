// TCP by `node:net`.
import net from "node:net";
import type {
  ByteStream,
  Connector,
  ConnectOptions,
  Listener,
  ListenOptions,
  Transport,
} from "../../core/byte-stream.ts";
import { NodeStream, type StreamHost } from "./node-stream.ts";

/** Listens and connects; all its streams share one `StreamHost`. */
export class NodeTransport implements Transport {
  readonly #host: StreamHost;

  constructor(host: StreamHost) {
    this.#host = host;
  }

  async listen(options: ListenOptions, accept: (stream: ByteStream) => void): Promise<Listener> {
    const server = net.createServer({
      allowHalfOpen: true, // we decide what a finished caller means
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive ?? false,
    });
    let current = accept;
    server.on("connection", (socket) => current(new NodeStream(socket, this.#host)));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(
        {
          host: options.host,
          port: options.port,
          ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
          ...(options.reusePort === true ? { reusePort: true } : {}),
        },
        () => resolve(),
      );
    });
    server.removeAllListeners("error");
    server.on("error", (error) => this.#host.readerFailed(error)); // accepting failed (no descriptors): keep serving
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : options.port;
    return {
      host: options.host,
      port,
      redirect: (to) => {
        current = to;
      },
      close: () => closeServer(server),
    };
  }

  connect(options: ConnectOptions, connector: Connector): ByteStream {
    const socket = net.connect({
      host: options.host,
      port: options.port,
      allowHalfOpen: false,
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive ?? false,
    });
    const stream = new NodeStream(socket, this.#host);
    stream.attachConnecting(connector);
    return stream;
  }
}

// The listening handle is closed at once; 'close' itself waits for every connection, which is not what is asked here.
async function closeServer(server: net.Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}
