// TCP and unix sockets by `node:net`.
import net from "node:net";
import type {
  ByteStream,
  Connector,
  ConnectOptions,
  DescriptorFigures,
  Listener,
  ListenOptions,
  Transport,
} from "../../core/byte-stream.ts";
import { isUnixPath, UNIX } from "../../core/socket-address.ts";
import type { InheritedSockets } from "./inherited-sockets.ts";
import { openListener } from "./node-listener.ts";
import { NodeStream, type StreamHost } from "./node-stream.ts";

/** Listens and connects; all its streams share one `StreamHost`. */
export class NodeTransport implements Transport {
  readonly #host: StreamHost;
  readonly #inherited: InheritedSockets | null;

  /** @param inherited sockets that listeners may find instead of binding their own. */
  constructor(host: StreamHost, inherited: InheritedSockets | null = null) {
    this.#host = host;
    this.#inherited = inherited;
  }

  get descriptors(): DescriptorFigures {
    return this.#host.descriptors;
  }

  async listen(options: ListenOptions, accept: (stream: ByteStream) => void): Promise<Listener> {
    const server = net.createServer({
      allowHalfOpen: true, // we decide what a finished caller means
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive ?? false,
    });
    const { descriptors } = this.#host;
    const reserved = options.reserved ?? false;
    let remote: string | null = null;
    let current = accept;
    server.on("connection", (socket) => {
      if (reserved || descriptors.admits()) current(new NodeStream(socket, this.#host, remote));
      else socket.resetAndDestroy(); // so that nothing of it stays, not even in TIME_WAIT
    });
    const redirect = (to: typeof accept): void => {
      current = to;
    };
    const listener = await openListener(server, options, this.#inherited, redirect);
    if (isUnixPath(listener.host)) remote = UNIX;
    server.removeAllListeners("error");
    server.on("error", (error) => descriptors.failed(error) || this.#host.readerFailed(error)); // accepting failed: keep serving
    descriptors.keep();
    return listener;
  }

  connect(options: ConnectOptions, connector: Connector): ByteStream {
    const unix = isUnixPath(options.host);
    const socket = net.connect({
      ...(unix ? { path: options.host } : { host: options.host, port: options.port }),
      allowHalfOpen: false,
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive ?? false,
    });
    const stream = new NodeStream(socket, this.#host, unix ? UNIX + options.host : null);
    stream.attachConnecting(connector);
    return stream;
  }
}
