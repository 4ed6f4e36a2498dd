// Configuration of the `io.l5d.tracelog` telemeter (reference §7.1).
import { number, object, word } from "../../config/schema.ts";

/** Linkerd's names of levels, and ours. */
export const TRACELOG_LEVELS = [
  "OFF",
  "FATAL",
  "CRITICAL",
  "ERROR",
  "WARNING",
  "WARN",
  "INFO",
  "DEBUG",
  "TRACE",
  "ALL",
] as const;

export const tracelogTelemeter = object(
  {
    doc: "Writes sampled requests into the process log, as the logger `io.l5d.tracelog` (docs/tracing.md).",
    differs: "Linkerd 1.x writes a line for each annotation; fairlead writes one for each request, when it is over.",
  },
  {
    sampleRate: number({
      doc: "Of traces of which nobody has decided whether they are sampled, this share; those that are, all.",
      default: 1,
      min: 0,
      max: 1,
    }),
    level: word(
      { doc: "The level of the lines; they are seen where the logger has this level or a lower one.", default: "INFO" },
      TRACELOG_LEVELS,
    ),
  },
);
