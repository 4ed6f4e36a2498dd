// `fairlead explain`: the catalogue of failure causes, for whoever holds a `fairlead-cause` header in hand.
import { nearest } from "../../config/suggest.ts";
import { type Cause, causesByToken, type RetrySafety, type Source } from "../../core/cause.ts";
import { Failure } from "../../core/failure.ts";
import { failureStatus } from "../../protocols/http/failure-answer.ts";
import { CommandProblem, Exit, type Given } from "../command.ts";
import type { Terminal } from "../terminal.ts";

const SOURCES: Readonly<Record<Source, string>> = {
  downstream: "the caller, or its request",
  proxy: "the proxy, its configuration, or discovery",
  upstream: "the service that was called",
};

const RETRIES: Readonly<Record<RetrySafety, string>> = {
  safe: "safe: no service has seen the request",
  "if-idempotent": "only if doing it twice does no harm: the service may have seen the request",
  never: "no use, or not safe",
};

export async function explain(given: Given, terminal: Terminal): Promise<number> {
  if (given.has("all")) return listAll(given, terminal);
  const written = given.operand(0);
  if (written === undefined) throw new CommandProblem("explain needs a TOKEN, or --all");
  const { token, details } = parseHeader(written);
  const cause = causesByToken.get(token);
  if (cause === undefined) throw new CommandProblem(unknownToken(token), Exit.failed);
  terminal.out(given.has("json") ? toJson({ ...viewOf(cause), details }) : inWords(cause, details, terminal));
  return Exit.ok;
}

/** `token;key=value;…`, perhaps with the header's name before it. Values come escaped. */
function parseHeader(written: string): { token: string; details: Record<string, string> } {
  const [token = "", ...pairs] = written
    .replace(/^\s*fairlead-cause\s*:/i, "")
    .trim()
    .split(";");
  const details = pairs.map((pair): [string, string] => {
    const [key = "", ...value] = pair.split("=");
    return [key.trim(), unescaped(value.join("="))];
  });
  return { token: token.trim(), details: Object.fromEntries(details.filter(([key]) => key !== "")) };
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // not ours, then
  }
}

function unknownToken(token: string): string {
  const known = [...causesByToken.keys()];
  const below = known.filter((name) => name.startsWith(`${token}.`));
  if (below.length > 0) return `${token} is the beginning of ${below.join(", ")}`;
  const near = nearest(token, known);
  if (near !== null) return `there is no cause "${token}"; did you mean ${near}?`;
  return `there is no cause "${token}"; fairlead explain --all lists them`;
}

interface CauseView {
  readonly token: string;
  readonly source: Source;
  readonly httpStatus: number;
  readonly retry: RetrySafety;
  readonly means: string;
  readonly remedy: string;
}

function viewOf(cause: Cause): CauseView {
  const { token, source, retry, means, remedy } = cause;
  return { token, source, httpStatus: failureStatus(new Failure(cause)), retry, means, remedy };
}

function inWords(cause: Cause, details: Record<string, string>, { paint }: Terminal): string {
  const { token, source, httpStatus, retry, means, remedy } = viewOf(cause);
  const facts = Object.entries(details).map(([key, value]) => `  ${key.padEnd(11)}  ${value}\n`);
  return [
    `${paint("bold", token)}\n  ${means}\n\n`,
    `  What to do   ${remedy}\n`,
    `  Whose fault  ${SOURCES[source]}\n`,
    `  HTTP status  ${httpStatus}\n`,
    `  Retry        ${RETRIES[retry]}\n`,
    facts.length === 0 ? "" : `\n${paint("dim", "In this case")}\n${facts.join("")}`,
  ].join("");
}

function listAll(given: Given, terminal: Terminal): number {
  const views = [...causesByToken.values()].map(viewOf);
  const width = Math.max(...views.map(({ token }) => token.length));
  const lines = views.map(({ token, httpStatus, means }) => `${token.padEnd(width)}  ${httpStatus}  ${means}\n`);
  terminal.out(given.has("json") ? toJson(views) : lines.join(""));
  return Exit.ok;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
