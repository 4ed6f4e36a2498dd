// The usual scene of HTTP/2: a service behind a proxy with an h2 router, reached by `:authority: web`.
import { expect } from "vitest";
import { H2Caller } from "./h2-caller.ts";
import type { H2Options } from "./h2-endpoint.ts";
import type { FieldPairs } from "./h2-frames.ts";
import { type H2Behaviour, H2Service } from "./h2-service.ts";
import { Proxy, type ProxySetup } from "./proxy.ts";
import { type MemoryWorld, memoryWorld, tcpWorld, type World } from "./world.ts";

/** A proxy with a service behind it. What the proxy does wrong towards either side fails the test at its end. */
export interface H2Scene<W extends World = World> extends AsyncDisposable {
  readonly world: W;
  readonly service: H2Service;
  readonly proxy: Proxy;
  /** A new connection to the proxy. */
  connect(options?: H2Options): H2Caller;
}

/** Starts a proxy with an h2 router. */
export function startH2Proxy(world: World, setup: ProxySetup): Promise<Proxy> {
  return Proxy.start(world, { ...setup, router: { protocol: "h2", ...setup.router } });
}

/** @param setup its dtab is put before the entry for `web`. */
export async function h2SceneIn<W extends World>(
  world: W,
  setup: ProxySetup,
  behaviour: H2Behaviour,
): Promise<H2Scene<W>> {
  const service = await H2Service.start(world, behaviour);
  const proxy = await startH2Proxy(world, { ...setup, dtab: `${setup.dtab ?? ""}/svc/web => ${service.name};` });
  const callers: H2Caller[] = [];
  return {
    world,
    service,
    proxy,
    connect(options) {
      const caller = new H2Caller(world, proxy.port(), options);
      callers.push(caller);
      return caller;
    },
    async [Symbol.asyncDispose]() {
      {
        await using _world = world;
        await using _proxy = proxy;
      }
      expect([...callers.flatMap((caller) => caller.problems), ...service.problems]).toEqual([]);
    },
  };
}

export function memoryH2Scene(setup: ProxySetup = {}, behaviour: H2Behaviour = {}): Promise<H2Scene<MemoryWorld>> {
  return h2SceneIn(memoryWorld(), setup, behaviour);
}

export function tcpH2Scene(setup: ProxySetup = {}, behaviour: H2Behaviour = {}): Promise<H2Scene> {
  return h2SceneIn(tcpWorld(), setup, behaviour);
}

/** The head of a request for the service of the scene. */
export function request(method: string, path = "/", fields: FieldPairs = [], authority = "web"): FieldPairs {
  return [[":method", method], [":scheme", "http"], [":authority", authority], [":path", path], ...fields];
}

export function get(path = "/", fields: FieldPairs = []): FieldPairs {
  return request("GET", path, fields);
}

export function post(path = "/", fields: FieldPairs = []): FieldPairs {
  return request("POST", path, fields);
}

/** The head of a gRPC call. */
export function call(fields: FieldPairs = [], authority = "web"): FieldPairs {
  return request(
    "POST",
    "/echo.Echo/Say",
    [["content-type", "application/grpc"], ["te", "trailers"], ...fields],
    authority,
  );
}
