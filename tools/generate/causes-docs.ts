// docs/causes.md, from the catalogue in the code, for tools/generate-docs.ts to write or to compare.
import { type Cause, causesByToken, type Source } from "../../src/core/cause.ts";
import { Failure } from "../../src/core/failure.ts";
import { failureStatus } from "../../src/protocols/http/failure-answer.ts";

const INTRODUCTION = `<!-- Generated from src/core/cause.ts by \`npm run docs\`. Do not edit. -->

# Causes of failures

Every failure that the proxy reports has one of the causes below. The same token stands in

- the header \`fairlead-cause\` of the answer, with details: \`upstream.connect.refused;endpoint=10.0.0.1:80;attempts=5\`,
- the access log, as the field \`cause\`, with the same details,
- the metrics, as \`failures/<cause>\` of servers, services and clients.

\`fairlead explain TOKEN\` prints what stands here; it takes the whole value of the header, too. Tokens are \`source.layer.reason\`, never
change their meaning, and never disappear. Details are for people and may change; characters other than visible ASCII, and \`;\`, are
percent-encoded in them.

Whether sending a request again can be of use: **safe** – no service has seen it; **if idempotent** – a service may have seen it, so only
if doing it twice does no harm; **never** – the same would happen again, or it is too late. What may be sent again without asking
anybody, the proxy itself sends again (requeues), so a caller sees a safe failure only when that did not help either.
`;

const SECTIONS: Readonly<Record<Source, string>> = {
  downstream: `## downstream: the caller

The request, or the caller's connection, is at fault. Nothing was wrong with the proxy or the service.
`,
  proxy: `## proxy: the proxy, its configuration, or discovery

The request was fine, and no service refused it.
`,
  upstream: `## upstream: the service

The service that was called could not be reached, or gave no proper answer.
`,
};

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const sources = Object.keys(SECTIONS) as Source[]; // the keys of that record
  return new Map([["docs/causes.md", [INTRODUCTION, ...sources.map(section)].join("\n")]]);
}

function section(source: Source): string {
  const causes = [...causesByToken.values()].filter((cause) => cause.source === source);
  const head = "| cause | status | send again | what it means | what to do |\n|---|---|---|---|---|\n";
  return `${SECTIONS[source]}\n${head}${causes.map(row).join("")}`;
}

function row(cause: Cause): string {
  const status = failureStatus(new Failure(cause));
  const retry = cause.retry.replace("-", " ");
  return `| \`${cause.token}\` | ${status} | ${retry} | ${cell(cause.means)} | ${cell(cause.remedy)} |\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
