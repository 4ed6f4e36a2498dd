// The descriptors of a process that has enough of them.
import { systemClock } from "../../src/base/clock.ts";
import { Log } from "../../src/telemetry/log.ts";
import { Descriptors } from "../../src/transport/node/descriptors.ts";

export function manyDescriptors(): Descriptors {
  return new Descriptors(1_000_000, 0, systemClock, new Log(systemClock, () => undefined).logger("test"));
}
