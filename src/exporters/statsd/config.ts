// Configuration of the `io.l5d.statsd` telemeter (reference §7.1).
import { int, number, object, port, text } from "../../config/schema.ts";

export const statsdTelemeter = object(
  {
    doc: "Sends all metrics to StatsD over UDP, once in each interval (docs/metrics.md).",
    differs:
      "Linkerd 1.x sends every increment of a counter with the probability `sampleRate`, and so loses what is rare; fairlead sends by how much each counter grew in the interval, whole. Only distributions are sampled.",
  },
  {
    prefix: text({ doc: "Put before every name, with a dot.", default: "linkerd", allowEmpty: true }),
    hostname: text({ doc: "Where StatsD is; looked up anew for every interval.", default: "127.0.0.1" }),
    port: port({ doc: "Its UDP port.", default: 8125 }),
    gaugeIntervalMs: int({ doc: "How often metrics are sent.", default: 10_000, min: 100, unit: "ms" }),
    sampleRate: number({
      doc: "The share of the values of a distribution that are sent.",
      default: 0.01,
      min: 0,
      max: 1,
    }),
  },
);
