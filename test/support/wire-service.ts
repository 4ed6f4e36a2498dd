// A service that hears bytes: it reads one head itself, if it is to, and keeps everything behind it.
import { Backend, type BackendConnection } from "./backend.ts";
import type { World } from "./world.ts";

/** One of its connections. */
export interface Wire {
  readonly connection: BackendConnection;
  /** The request, with its empty line; `""` before it is complete, and where none is expected. */
  head: string;
  /** Everything else. */
  bytes: string;
  ended: boolean;
}

/** Told what happens on a connection. */
export interface WireBehaviour {
  /** A head is complete. */
  asked?(wire: Wire): void;
  /** Bytes came that belong to no head. */
  heard?(chunk: string, wire: Wire): void;
  connected?(wire: Wire): void;
  /** The proxy has finished; by default so does the service. */
  finished?(wire: Wire): void;
}

export const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** A listening service. */
export class WireService {
  readonly wires: Wire[] = [];
  readonly backend: Backend;

  private constructor(backend: Backend) {
    this.backend = backend;
  }

  /** @param raw no head is read: all bytes are bytes. */
  static async start(world: World, behaviour: WireBehaviour, raw = false): Promise<WireService> {
    const known = new Map<BackendConnection, Wire>();
    const backend = await Backend.start(world, {
      connected(connection) {
        const wire: Wire = { connection, head: "", bytes: "", ended: false };
        known.set(connection, wire);
        service.wires.push(wire);
        connection.peer.onPeerEnd = () => {
          wire.ended = true;
          if (behaviour.finished === undefined) connection.peer.end();
          else behaviour.finished(wire);
        };
        if (behaviour.connected !== undefined) world.env.timers.soon(() => behaviour.connected?.(wire));
      },
      bytes(chunk, connection) {
        const wire = known.get(connection)!; // every connection was heard of
        const before = wire.bytes.length;
        wire.bytes += chunk;
        if (!raw && wire.head === "") {
          const end = wire.bytes.indexOf("\r\n\r\n");
          if (end < 0) return true;
          wire.head = wire.bytes.slice(0, end + 4);
          wire.bytes = wire.bytes.slice(end + 4);
          behaviour.asked?.(wire);
          if (wire.bytes !== "") behaviour.heard?.(wire.bytes, wire);
        } else behaviour.heard?.(wire.bytes.slice(before), wire);
        return true;
      },
    });
    const service = new WireService(backend);
    return service;
  }

  get first(): Wire {
    const [wire] = this.wires;
    if (wire === undefined) throw new Error("nobody has connected");
    return wire;
  }
}
