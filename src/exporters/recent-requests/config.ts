// Configuration of the `io.l5d.recentRequests` telemeter (reference §7.1).
import { int, number, object } from "../../config/schema.ts";

export const recentRequestsTelemeter = object(
  {
    doc: "Keeps the last requests of a sample, for the page `/requests` of the admin port (docs/tracing.md).",
    differs:
      "Linkerd 1.x samples by `sampleRate` alone; fairlead also keeps requests that are sampled anyway (`l5d-sample`, or by another telemeter). `capacity` counts requests, not traces.",
  },
  {
    sampleRate: number({
      doc: "The share of all requests that are kept, whatever others decided of their traces.",
      required: true,
      min: 0,
      max: 1,
      example: 0.02,
    }),
    capacity: int({ doc: "How many requests are kept.", default: 10, min: 1, max: 10_000, unit: "requests" }),
  },
);
