// Asks a process that preloaded gauge.ts for a reading.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { GaugeReading } from "./gauge.ts";
import type { Proxy } from "./proxy.ts";

const PATIENCE_MS = 5000;

/** Of `gauge.ts`, or of another that does as it does. Throws when no reading arrives in time: the process is stuck, or something took its SIGUSR2. */
export async function readGauge<Reading = GaugeReading>(
  proxy: Pick<Proxy, "name" | "signal">,
  file: string,
): Promise<Reading> {
  rmSync(file, { force: true });
  proxy.signal("SIGUSR2");
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 5) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Reading; // it writes nothing else
    await sleep(5);
  }
  throw new Error(`${proxy.name} gave no reading within ${PATIENCE_MS / 1000} s`);
}
