import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { ToData } from "../core/border.ts";
import { Log } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { loadConfig, type LinkerConfig } from "./config.ts";
import { Control, type PlaneLink } from "./control.ts";
import { noExtensions } from "./extensions.ts";

/** A data plane that only listens. */
class Plane implements PlaneLink {
  readonly told: ToData[] = [];

  tell(message: ToData): void {
    this.told.push(message);
  }
}

async function configOf(timeoutMs: number): Promise<LinkerConfig> {
  const server = `{ port: 0, timeoutMs: ${timeoutMs} }`;
  const text = `routers:\n- protocol: http\n  dtab: /svc => /$/inet/127.0.0.1/1\n  servers: [${server}]\n`;
  const { config } = await loadConfig(text, { file: "test.yaml", environment: {}, expandEnv: false });
  if (config === null) throw new Error("a configuration that cannot be used");
  return config;
}

async function setUp() {
  const env = new ManualEnv();
  const config = await configOf(1000);
  const control = new Control(config, noExtensions, env, new Log(env.clock, () => undefined), new MetricsRegistry(env));
  const planes = [new Plane(), new Plane()] as const;
  for (const plane of planes) control.attach(plane);
  const plan = await control.prepare(config, noExtensions);
  await control.commit(plan);
  let binding = 0;
  /** Whether a plane is answered when it asks for a name. */
  const answers = async (plane: Plane, key: string): Promise<boolean> => {
    const before = plane.told.length;
    control.receive(plane, { type: "bind", router: key, binding: ++binding, path: "/svc/web", localDtab: "" });
    for (let i = 0; i < 20 && plane.told.length === before; i++) {
      env.advance(1);
      env.endTurn();
      await Promise.resolve();
    }
    return plane.told.length > before;
  };
  return { control, planes, answers, first: plan.routers[0]!.key };
}

test("Every data plane is answered, one that comes later, too, and none that is gone", async () => {
  const { answers, control, first, planes } = await setUp();
  const late = new Plane();
  expect(await answers(planes[0], first)).toBe(true);
  expect(await answers(planes[1], first)).toBe(true);
  expect(await answers(late, first)).toBe(false);
  control.attach(late);
  expect(await answers(late, first)).toBe(true);
  control.detach(planes[0]);
  expect(await answers(planes[0], first)).toBe(false);
  expect(await answers(late, first)).toBe(true);
  control.close();
});

test("All data planes may be gone for a while: their successors are answered", async () => {
  const { answers, control, first, planes } = await setUp();
  for (const plane of planes) control.detach(plane);
  const next = new Plane();
  control.attach(next);
  expect(await answers(next, first)).toBe(true);
  control.close();
});

test("A router that is not planned any more lives as long as a data plane has it, and successors never get it", async () => {
  const { answers, control, first, planes } = await setUp();
  const plan = await control.prepare(await configOf(2000), noExtensions);
  const second = plan.routers[0]!.key;
  expect(second).not.toBe(first);
  control.closed(planes[0], first); // it has taken over already
  await control.commit(plan);
  expect(await answers(planes[0], second)).toBe(true);
  expect(await answers(planes[1], first)).toBe(true); // an exchange of its is still in progress
  const late = new Plane();
  control.attach(late);
  expect(await answers(late, first)).toBe(false);
  control.detach(planes[1]); // the last that needed it dies with its exchange
  control.attach(planes[1]);
  expect(await answers(planes[1], first)).toBe(false);
  expect(await answers(planes[1], second)).toBe(true);
  control.close();
});

test("A configuration that is taken back: who has closed the router before is answered again", async () => {
  const { answers, control, first, planes } = await setUp();
  const plan = await control.prepare(await configOf(2000), noExtensions);
  for (const plane of planes) control.closed(plane, first);
  control.drop(plan);
  for (const plane of planes) expect(await answers(plane, first)).toBe(true);
  expect(await answers(planes[0], plan.routers[0]!.key)).toBe(false);
  control.close();
});
