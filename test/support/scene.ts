// The usual scene: a service behind a proxy, reached by `Host: web`.
import { Backend, type Behaviour } from "./backend.ts";
import type { HttpClient } from "./http-client.ts";
import { compose } from "./http-text.ts";
import { Proxy, type ProxySetup } from "./proxy.ts";
import { type MemoryWorld, memoryWorld, tcpWorld, type World } from "./world.ts";

/** A proxy with a service behind it. */
export interface Scene<W extends World = World> extends AsyncDisposable {
  readonly world: W;
  readonly backend: Backend;
  readonly proxy: Proxy;
  /** A new connection to the proxy. */
  connect(): HttpClient;
}

/** @param setup its dtab is put before the entry for `web`. */
export async function sceneIn<W extends World>(
  world: W,
  setup: ProxySetup = {},
  behaviour: Behaviour = {},
): Promise<Scene<W>> {
  const backend = await Backend.start(world, behaviour);
  const proxy = await Proxy.start(world, { ...setup, dtab: `${setup.dtab ?? ""}/svc/web => ${backend.name};` });
  return {
    world,
    backend,
    proxy,
    connect: () => proxy.connect(),
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

export function memoryScene(setup: ProxySetup = {}, behaviour: Behaviour = {}): Promise<Scene<MemoryWorld>> {
  return sceneIn(memoryWorld(), setup, behaviour);
}

export function tcpScene(setup: ProxySetup = {}, behaviour: Behaviour = {}): Promise<Scene> {
  return sceneIn(tcpWorld(), setup, behaviour);
}

/** A request for the service of the scene. */
export function get(target = "/", fields: Readonly<Record<string, string>> = {}): string {
  return compose(`GET ${target} HTTP/1.1`, { Host: "web", ...fields });
}

export function post(body: string, fields: Readonly<Record<string, string>> = {}, target = "/"): string {
  return compose(`POST ${target} HTTP/1.1`, { Host: "web", ...fields }, body);
}
