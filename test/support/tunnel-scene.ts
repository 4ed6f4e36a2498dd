// A proxy that passes upgrades on, with a service behind it that hears bytes.
import { Peer } from "./peer.ts";
import { Proxy, type ProxySetup } from "./proxy.ts";
import { SWITCH, type WireBehaviour, WireService } from "./wire-service.ts";
import { type MemoryWorld, memoryWorld, type World } from "./world.ts";

export interface TunnelScene<W extends World = World> extends AsyncDisposable {
  readonly world: W;
  readonly service: WireService;
  readonly proxy: Proxy;
  /** A new connection to the proxy, which stays open when the proxy has finished. */
  caller(): Peer;
}

/** An offer of `websocket` to the service `web`. */
export function offer(fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n", line = "GET /chat HTTP/1.1"): string {
  return `${line}\r\nHost: web\r\n${fields}\r\n`;
}

export const OFFER = offer();

/** Agrees at once, and gives back what it hears. */
const echo: WireBehaviour = {
  asked: ({ connection }) => connection.send(SWITCH),
  heard: (chunk, { connection }) => connection.send(chunk),
};

export async function tunnelSceneIn<W extends World>(
  world: W,
  behaviour: WireBehaviour = echo,
  setup: ProxySetup = {},
  raw = false,
): Promise<TunnelScene<W>> {
  const service = await WireService.start(world, behaviour, raw);
  const { name } = service.backend;
  const dtab = `${setup.dtab ?? ""}/svc/web => ${name}; /connect/db/5432 => ${name};`;
  const proxy = await Proxy.start(world, { modern: true, ...setup, dtab });
  return {
    world,
    service,
    proxy,
    caller() {
      const peer = Peer.connect(world, proxy.port());
      peer.stream.keepHalfOpen();
      peer.onGone = world.atEnd(() => peer.destroy());
      return peer;
    },
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

export function tunnelScene(behaviour?: WireBehaviour, setup?: ProxySetup): Promise<TunnelScene<MemoryWorld>> {
  return tunnelSceneIn(memoryWorld(), behaviour, setup);
}
