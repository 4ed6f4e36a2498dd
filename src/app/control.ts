// The slow half of a proxy: which routers there are, by which names they find their endpoints, and who is told of it.
import { isDeepStrictEqual } from "node:util";
import type { Env } from "../base/env.ts";
import type { ToControl, ToData } from "../core/border.ts";
import type { Dtab } from "../core/dtab.ts";
import { BindService } from "../naming/bind-service.ts";
import type { NameInterpreter } from "../naming/interpreter.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { LinkerConfig, RouterConfig } from "./config.ts";
import { BaseDtab } from "./base-dtab.ts";
import { type Extensions, sameKinds } from "./extensions.ts";
import { makeInterpreter, Naming, type PluggedNamers } from "./namers.ts";
import type { RouterPlan } from "./router.ts";

/** A data plane as control talks to it. */
export interface PlaneLink {
  /** Messages come in the order in which they were sent. */
  tell(message: ToData): void;
}

/** What a router is to control. */
export class ControlledRouter {
  readonly key: string;
  config: RouterConfig;
  interpreter: NameInterpreter;
  readonly baseDtab: BaseDtab;
  /** It is not planned any more, and ends with the last data plane that still needs it. */
  retired = false;
  /** One for each data plane. */
  readonly services = new Map<PlaneLink, BindService>();

  constructor(key: string, config: RouterConfig, interpreter: NameInterpreter, baseDtab: BaseDtab) {
    this.key = key;
    this.config = config;
    this.interpreter = interpreter;
    this.baseDtab = baseDtab;
  }

  /** The base dtab in force; undefined until there is one. */
  get dtab(): Dtab | undefined {
    return this.#any?.dtab;
  }

  /** Why there is none, as far as is known. */
  get problem(): string | undefined {
    return this.#any?.problem;
  }

  get #any(): BindService | undefined {
    for (const service of this.services.values()) return service;
    return undefined;
  }
}

/** What a configuration makes of the routers there are. */
export interface Plan {
  readonly config: LinkerConfig;
  readonly extensions: Extensions;
  readonly naming: Naming;
  /** In the order of the configuration. */
  readonly routers: readonly RouterPlan[];
  /** Keys that there have not been before. */
  readonly added: ReadonlySet<string>;
}

/** Names for all data planes of a process. */
export class Control {
  readonly #env: Env;
  readonly #log: Log;
  readonly #planes = new Set<PlaneLink>();
  readonly #routers = new Map<string, ControlledRouter>();
  readonly #metrics: MetricsRegistry;
  #extensions: Extensions;
  #naming: Naming;
  #plan: readonly RouterPlan[] = [];
  #generation = 0;

  /** @param metrics is where namers of plug-ins count. */
  constructor(config: LinkerConfig, extensions: Extensions, env: Env, log: Log, metrics: MetricsRegistry) {
    this.#env = env;
    this.#log = log;
    this.#extensions = extensions;
    this.#metrics = metrics;
    this.#naming = new Naming(config.namers, env, log.logger("namers"), this.#plugged(extensions));
  }

  #plugged({ namers }: Extensions): PluggedNamers {
    return { namers, scope: () => this.#metrics.root };
  }

  get namers(): NamerTable {
    return this.#naming.table;
  }

  /** The routers in force, in the order of the configuration. */
  get routers(): readonly ControlledRouter[] {
    return this.#plan.flatMap(({ key }) => this.#routers.get(key) ?? []);
  }

  /** The plan in force. */
  get plan(): readonly RouterPlan[] {
    return this.#plan;
  }

  /** Another data plane: for every router in force there is somebody who answers it. */
  attach(plane: PlaneLink): void {
    this.#planes.add(plane);
    for (const router of this.#routers.values()) if (!router.retired) this.#serve(router, plane);
  }

  /** A data plane is gone, with everything it had. */
  detach(plane: PlaneLink): void {
    this.#planes.delete(plane);
    for (const key of this.#routers.keys()) this.closed(plane, key);
  }

  /** A message of a data plane. Those of routers that it has closed meanwhile are late, and ignored. */
  receive(plane: PlaneLink, message: ToControl): void {
    const router = this.#routers.get(message.router);
    if (router === undefined) return;
    // One that was closed there begins again when a configuration is taken back.
    if (!router.services.has(plane) && !router.retired && this.#planes.has(plane)) this.#serve(router, plane);
    router.services.get(plane)?.receive(message);
  }

  /**
   * What a configuration means: a router that is written as before, but for its dtab and interpreter, keeps its key. New routers are answered
   * from now on; `commit` or `drop` follows.
   * @param extensions what the plug-ins of the configuration add.
   */
  async prepare(config: LinkerConfig, extensions: Extensions): Promise<Plan> {
    const { plugins } = config;
    const naming = this.#naming.next(config.namers, this.#plugged(extensions));
    const same = sameKinds(this.#extensions, extensions);
    const generation = ++this.#generation;
    const added = new Set<string>();
    const routers: RouterPlan[] = [];
    const plan: Plan = { config, extensions, naming, routers, added };
    try {
      for (const router of config.routers) {
        const known = this.#plan.find(({ config: { label } }) => label === router.label);
        const stays = known !== undefined && same && sameForData(known.config, router);
        const key = stays ? known.key : `${router.label}@${generation}`;
        routers.push({ key, config: router, plugins });
        if (stays) continue;
        added.add(key);
        await this.#add(key, router, naming, known === undefined ? undefined : this.#routers.get(known.key)?.baseDtab);
      }
    } catch (error) {
      this.drop(plan);
      throw error;
    }
    return plan;
  }

  /** Not so, after all. */
  drop(plan: Plan): void {
    for (const key of plan.added) this.#close(key);
  }

  /**
   * From now on. What is not planned any more is answered until its data planes have closed it. Settled when every name that the change
   * touches has been bound anew.
   */
  async commit(plan: Plan): Promise<void> {
    const former = this.#naming;
    this.#naming = plan.naming;
    this.#extensions = plan.extensions;
    this.#plan = plan.routers;
    this.#retire();
    for (const { config, key } of plan.routers) {
      const router = this.#routers.get(key);
      if (router === undefined || plan.added.has(key)) continue;
      await this.#follow(router, config, plan.naming !== former);
    }
  }

  async #follow(router: ControlledRouter, config: RouterConfig, otherNamers: boolean): Promise<void> {
    const before = router.config;
    router.config = config;
    const change = await router.baseDtab.read(config);
    const services = [...router.services.values()];
    // Rules and namers at once: a name must never be bound by the new ones of the one and the old ones of the other.
    const moves = otherNamers || !isDeepStrictEqual(before.interpreter, config.interpreter);
    if (moves) router.interpreter = makeInterpreter(config, this.#naming);
    if (moves) for (const service of services) service.takeInterpreter(router.interpreter);
    change();
    if (moves) for (const service of services) service.moveNames();
    await Promise.all(services.map((service) => service.followed()));
  }

  #retire(): void {
    for (const router of [...this.#routers.values()]) {
      router.retired = !this.#plan.some(({ key }) => key === router.key);
      if (router.retired && router.services.size === 0) this.#close(router.key);
    }
  }

  /** A data plane has closed a router. */
  closed(plane: PlaneLink, key: string): void {
    const router = this.#routers.get(key);
    router?.services.get(plane)?.close();
    router?.services.delete(plane);
    if (router?.retired === true && router.services.size === 0) this.#close(key);
  }

  close(): void {
    for (const key of [...this.#routers.keys()]) this.#close(key);
  }

  async #add(key: string, config: RouterConfig, naming: Naming, former: BaseDtab | undefined): Promise<void> {
    const baseDtab = await BaseDtab.open(config, this.#env, this.#log.logger(`router.${config.label}`), former);
    const router = new ControlledRouter(key, config, makeInterpreter(config, naming), baseDtab);
    this.#routers.set(key, router);
    for (const plane of this.#planes) this.#serve(router, plane);
  }

  #serve({ baseDtab, interpreter, key, services }: ControlledRouter, plane: PlaneLink): void {
    services.set(plane, new BindService(key, interpreter, baseDtab.live, this.#env, (message) => plane.tell(message)));
  }

  #close(key: string): void {
    const router = this.#routers.get(key);
    if (router === undefined) return;
    for (const service of router.services.values()) service.close();
    router.baseDtab[Symbol.dispose]();
    this.#routers.delete(key);
  }
}

/** What data need not know: names are control's business. */
function sameForData(a: RouterConfig, b: RouterConfig): boolean {
  return isDeepStrictEqual({ ...a, dtab: "", interpreter: null }, { ...b, dtab: "", interpreter: null });
}
