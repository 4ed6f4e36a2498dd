// Log levels: who logs how much, and changing it while running.
import { type LocalAnswer, LocalProblem } from "../../protocols/http1/local-answer.ts";
import { type Level, LEVELS, levelOf, type Log } from "../../telemetry/log.ts";
import { answer, escaped, json, page } from "../answers.ts";
import type { Parameters } from "../parameters.ts";
import type { Subject } from "../subject.ts";

/** The logger whose level holds for all that have none of their own. */
const ROOT = "root";

/** What the original calls its levels where ours are called otherwise. */
const ALIASES: Readonly<Record<string, Level>> = { ALL: "TRACE", WARNING: "WARN", CRITICAL: "ERROR", FATAL: "ERROR" };

interface LoggerLevel {
  readonly logger: string;
  readonly level: Level;
}

export function loggers(subject: Subject): LocalAnswer {
  return json(levelsOf(subject.log));
}

export function setLevel(subject: Subject, asked: Parameters): LocalAnswer {
  change(subject.log, asked);
  return loggers(subject);
}

/** The same from the page, which is shown again. */
export function setLevelOnPage(subject: Subject, asked: Parameters): LocalAnswer {
  change(subject.log, asked);
  return answer(303, "text/plain; charset=utf-8", "changed\n", { Location: "/logging" });
}

export function loggingPage(subject: Subject): LocalAnswer {
  const rows = levelsOf(subject.log).map(row).join("\n");
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fairlead: log levels</title><link rel="icon" href="data:,">
<h1>Log levels</h1>
<p><a href="/">overview</a> · A logger without a level of its own has that of <b>${ROOT}</b>. Levels last until the process ends.</p>
<table>
<tr><th align="left">logger<th align="left">level</tr>
${rows}
</table>
</html>
`;
  return page(html, "form-action 'self'");
}

function row({ logger, level }: LoggerLevel): string {
  const options = LEVELS.map((name) => `<option${name === level ? " selected" : ""}>${name}</option>`).join("");
  const name = escaped(logger);
  return `<tr><td>${name}<td><form method="post" action="/logging"><input type="hidden" name="logger" value="${name}"><select name="level" aria-label="level of ${name}">${options}</select> <button>set</button></form></tr>`;
}

function levelsOf(log: Log): LoggerLevel[] {
  return log.levels().map(({ name, level }) => ({ logger: name === "" ? ROOT : name, level }));
}

function change(log: Log, asked: Parameters): void {
  const logger = asked.required("logger", "the name of a logger, as /logging.json lists them");
  const written = asked.required("level", `one of ${LEVELS.join(", ")}`);
  const level = ALIASES[written.toUpperCase()] ?? levelOf(written);
  if (level === undefined)
    throw new LocalProblem(400, `there is no level "${written}"; write one of ${LEVELS.join(", ")}`);
  if (log.setLevel(logger === ROOT ? "" : logger, level)) return;
  const known = levelsOf(log).map((entry) => entry.logger);
  throw new LocalProblem(404, `there is no logger "${logger}"; there are: ${known.join(", ")}`);
}
