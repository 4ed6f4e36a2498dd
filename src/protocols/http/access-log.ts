// @hot One line per exchange, composed as bytes without allocating. The end of the exchange is the only moment it needs.
import type { Clock } from "../../base/clock.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { Exchange } from "../../core/exchange.ts";
import { LineBuffer } from "../../telemetry/line-buffer.ts";
import {
  LOG_FIELDS,
  LogMoment,
  putReferer,
  putRemoteHost,
  putStatus,
  putUserAgent,
  putVersion,
} from "./access-log-fields.ts";
import { type AccessLogFormat, parseTemplate, type TemplatePiece } from "./access-log-format.ts";
import type { HttpMessage } from "./message.ts";

/** Whoever takes finished lines, `line[0, length)` with their line end, of a moment on the wall clock. */
export interface LineSink {
  append(line: Buffer, length: number, epochMs: number): void;
}

/** What an access log is made of. */
export interface AccessLogParts {
  /** The router's label. */
  readonly router: string;
  readonly format: AccessLogFormat;
  readonly loop: DataLoop;
  readonly clock: Clock;
  readonly sink: LineSink;
}

type Compose = (line: LineBuffer, ex: Exchange, head: HttpMessage, moment: LogMoment) => void;

/** Writes the exchanges of one router in one format. */
export class AccessLog {
  readonly #parts: AccessLogParts;
  readonly #line: LineBuffer;
  readonly #moment: LogMoment;
  readonly #compose: Compose;

  constructor(parts: AccessLogParts) {
    this.#parts = parts;
    this.#line = new LineBuffer(parts.format.kind === "json" ? "json" : "text");
    this.#moment = new LogMoment(parts.router);
    this.#compose = composer(parts.format);
  }

  /** Logs an exchange that is over. */
  record(ex: Exchange): void {
    const { clock, loop, sink } = this.#parts;
    const line = this.#line;
    const moment = this.#moment;
    moment.epochMs = clock.epochMs();
    moment.durationMs = loop.nowMs - ex.startMs;
    line.clear();
    this.#compose(line, ex, ex.request as HttpMessage, moment); // the router's server half speaks HTTP
    line.plain("\n");
    sink.append(line.bytes, line.length, moment.epochMs);
  }
}

function composer(format: AccessLogFormat): Compose {
  switch (format.kind) {
    case "combined":
      return composeCombined;
    case "json":
      return composeJson;
    case "template":
      return templateComposer(format.template);
  }
}

function missing(line: LineBuffer, written: boolean): void {
  if (!written) line.plain("-");
}

/** `host remote - - [time] "METHOD uri version" status bytes "referer" "user agent"` (linkerd1 §2.1.6). */
function composeCombined(line: LineBuffer, ex: Exchange, head: HttpMessage, moment: LogMoment): void {
  missing(line, head.putHost(line));
  line.plain(" ");
  missing(line, putRemoteHost(line, ex.downstream.remote));
  line.plain(" - - [");
  line.plain(moment.combinedTime);
  line.plain('] "');
  missing(line, head.putMethod(line));
  line.plain(" ");
  missing(line, head.putTarget(line));
  line.plain(" ");
  missing(line, putVersion(line, head));
  line.plain('" ');
  missing(line, putStatus(line, ex));
  line.plain(" ");
  if (ex.responseBytes > 0) line.integer(ex.responseBytes);
  else line.plain("-");
  line.plain(' "');
  missing(line, putReferer(line, head));
  line.plain('" "');
  missing(line, putUserAgent(line, head));
  line.plain('"');
}

/** All fields, always in the same order; null where there is nothing to tell. */
function composeJson(line: LineBuffer, ex: Exchange, head: HttpMessage, moment: LogMoment): void {
  for (let i = 0; i < LOG_FIELDS.length; i++) {
    const { put, text } = LOG_FIELDS[i] as (typeof LOG_FIELDS)[number];
    line.plain(JSON_KEYS[i] as string);
    const start = line.length;
    if (text) line.plain('"');
    if (put(line, ex, head, moment)) {
      if (text) line.plain('"');
    } else {
      line.length = start;
      line.plain("null");
    }
  }
  line.plain("}");
}

const JSON_KEYS: readonly string[] = LOG_FIELDS.map(({ name }, i) => `${i === 0 ? "{" : ","}"${name}":`); // cold: once

function templateComposer(template: string): Compose {
  const parsed = parseTemplate(template);
  if ("message" in parsed) throw new Error(`bad access log template: ${parsed.message}`); // the configuration has been checked
  const pieces: readonly TemplatePiece[] = parsed;
  return (line, ex, head, moment) => {
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i] as TemplatePiece;
      if (typeof piece === "string") line.plain(piece);
      else missing(line, piece.put(line, ex, head, moment));
    }
  }; // cold: compiled once
}
