// A fairlead with a configuration of today (`fairlead: 1`), for what a file of Linkerd 1.x has not.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "./ask.ts";
import { BIN } from "./fairlead.ts";
import { freePort, listening, type Running } from "./processes.ts";
import type { Stage } from "./stage.ts";

const PATIENCE_MS = 10_000;
const LOOK_MS = 20;

export interface Sidecar {
  readonly running: Running;
  /** host:port of the admin pages. */
  readonly admin: string;
}

/** Starts one and waits until it is ready. @param config without `fairlead` and `admin` */
export async function startSidecar(stage: Stage, label: string, config: object): Promise<Sidecar> {
  const port = await freePort();
  const file = join(stage.directory(label), "fairlead.json");
  const whole = { fairlead: 1, admin: { ip: "127.0.0.1", port }, ...config };
  writeFileSync(file, JSON.stringify(whole));
  const running = stage.processes.start(label, process.execPath, [BIN, "run", file]);
  await listening(running, port);
  const admin = `127.0.0.1:${port}`;
  for (let waitedMs = 0; (await ask(admin, "localhost", "/admin/ready")).status !== 200; waitedMs += LOOK_MS) {
    if (waitedMs > PATIENCE_MS) throw new Error(`${label} is not ready: ${running.said()}`);
    await sleep(LOOK_MS);
  }
  return { running, admin };
}
