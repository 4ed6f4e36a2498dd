// docs/access-log.md, from the fields in the code, for tools/generate-docs.ts to write or to compare.
import { LOG_FIELDS } from "../../src/protocols/http/access-log-fields.ts";

const INTRODUCTION = `<!-- Generated from src/protocols/http/access-log-fields.ts by \`npm run docs\`. Do not edit. -->

# The access log

\`httpAccessLog\` names a file; every router may have one, and several may share one. Each exchange makes exactly one line when it is
over: also one that was refused, that led nowhere, or whose caller left (status 499).

\`\`\`yaml
routers:
  - protocol: http
    httpAccessLog: /var/log/fairlead/access.log   # or /dev/stdout
    httpAccessLogFormat:
      kind: json                                  # combined (the default), json, or template
    servers:
      - port: 4140
\`\`\`

- **combined** is the line of Linkerd 1.x: \`host remote - - [23/11/2026:07:20:36 UTC] "GET /users HTTP/1.1" 200 1234 "referer" "user agent"\`.
  Bytes are those of the body that was sent. What there is not is \`-\`.
- **json** is one object per line with all the fields below, always and in this order; \`null\` where there is nothing to tell.
- **template** is a line of one's own in which \`%{field}\` stands for a field: \`template: '%{method} "%{uri}" %{status} in %{durationMs} ms'\`.
  What there is not is \`-\`. Write quotes around what callers choose (\`uri\`, \`host\`, \`referer\`, \`userAgent\`), as it may contain blanks.

No line can be forged: quotes, backslashes, line ends, control characters and everything beyond ASCII that a caller sent is escaped
(\`\\"\`, \`\\\\\`, \`\\x0a\`; in JSON \`\\u000a\`, each byte as one character).

## Fields

| field | what it is |
|---|---|
`;

const DETAILS = `
## The file

Lines are gathered and written together, at the latest after half a second, and when the process stops. The request path never waits for
the disk. While the file cannot be written (disk full, directory missing, pipe without a reader) lines are kept, up to 1 MB, and the
file is tried again every second; then they are dropped. The process log tells when that begins and when it ends, and
\`access_log/dropped_lines\` and \`access_log/write_errors\` count.

The proxy does not roll files itself. Another program may: a file that was moved away or removed is begun anew about a second later, and one that was
copied and emptied (\`copytruncate\`) is continued at its new end. \`/dev/stdout\` and \`/dev/stderr\` are this process's own.
`;

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const rows = LOG_FIELDS.map(({ name, doc, text }) => `| \`${name}\` | ${doc}${text ? "" : " A number."} |\n`);
  return new Map([["docs/access-log.md", `${INTRODUCTION}${rows.join("")}${DETAILS}`]]);
}
