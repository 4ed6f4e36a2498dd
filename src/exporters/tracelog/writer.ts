// Writes traced requests into the log.
import type { Logger } from "../../telemetry/log.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";
import type { TRACELOG_LEVELS } from "./config.ts";
import { traceLine } from "./line.ts";

type Writing = (logger: Logger, line: string) => void;

const debug: Writing = (logger, line) => logger.debug(line);
const warn: Writing = (logger, line) => logger.warn(line);
const error: Writing = (logger, line) => logger.error(line);

/** Linkerd's levels, as near as ours come to them. */
const WRITING: Readonly<Record<(typeof TRACELOG_LEVELS)[number], Writing>> = {
  ALL: debug,
  TRACE: debug,
  DEBUG: debug,
  INFO: (logger, line) => logger.info(line),
  WARN: warn,
  WARNING: warn,
  ERROR: error,
  CRITICAL: error,
  FATAL: error,
  OFF: () => undefined,
};

/** What takes requests. */
export function writesTraces(
  logger: Logger,
  level: (typeof TRACELOG_LEVELS)[number],
): (request: TracedRequest) => void {
  const write = WRITING[level];
  return (request) => write(logger, traceLine(request));
}
