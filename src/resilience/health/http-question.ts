// `kind: fairlead.http`: a GET in HTTP/1.1. Of the answer the status line is read, and no more.
import type { Judge, Question } from "./question.ts";

/** As long as `HTTP/1.1 200` and what ends it. */
const STATUS_LINE_BYTES = 13;
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})[ \r\n]/;

export interface Statuses {
  readonly minStatus: number;
  readonly maxStatus: number;
}

/** The connection is to be closed afterwards. */
export function httpQuestion(path: string, host: string, statuses: Statuses): Question {
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, "User-Agent: fairlead-health-check", "Connection: close"];
  return {
    bytes: Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"),
    judge: () => new StatusJudge(statuses),
  };
}

/** Looks at the status alone. */
export class StatusJudge implements Judge {
  readonly #statuses: Statuses;
  #line = "";

  constructor(statuses: Statuses) {
    this.#statuses = statuses;
  }

  read(chunk: Buffer): string | null | undefined {
    this.#line += chunk.toString("latin1", 0, STATUS_LINE_BYTES - this.#line.length);
    if (this.#line.length < STATUS_LINE_BYTES) return undefined;
    const status = Number(STATUS_LINE.exec(this.#line)?.[1]);
    if (Number.isNaN(status)) return "it does not answer in HTTP/1.x";
    const { maxStatus, minStatus } = this.#statuses;
    return status >= minStatus && status <= maxStatus ? null : `it answers with status ${status}`;
  }
}
