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

## Rolling

\`\`\`yaml
    httpAccessLogRollPolicy: daily     # never (the default), hourly, daily, weekly(n), or a size such as 3.megabytes
    httpAccessLogRotateCount: 7        # -1 (the default) keeps all rolled files
    httpAccessLogAppend: true          # false: the file is emptied at the start
\`\`\`

For h2 routers the keys begin with \`h2\`. Routers that write to one file must say the same about it. What happens:

- **When.** By time: with the first line of another hour, day or week than the file's, in the local time of the machine; \`weekly(1)\` begins weeks on
  Sunday, \`weekly(7)\` on Saturday. What counts is when the exchange ended, not when the line is written. By size: before the line that would make the
  file larger; sizes are \`bytes\`, \`kilobytes\`, \`megabytes\`, \`gigabytes\` and \`terabytes\`, each 1024 times the one before. A file found at the start counts with its
  size and the time of its last change. An empty file is not rolled, and a line larger than a whole file is written whole.
- **Names.** The file is renamed in its folder; in its name stands, before the last dot, when it was begun (its first line, or the last change of what was found
  at the start): \`access.log\` becomes \`access-20261129-10.log\` (hourly), \`access-20261129.log\` (daily, weekly) or \`access-20261129-101500.log\` (size). Where that name is
  taken, \`.1\`, \`.2\` and so on follow it (\`access-20261129-101500.1.log\`): no file is overwritten.
- **How many.** After each roll the oldest rolled files beyond \`RotateCount\` are removed. Only files named as above, by the policy in force, are ever removed.
- **Failures.** A file that cannot be renamed is written on and tried again every minute; the process log tells once, \`access_log/roll_errors\` counts.

A reload may change all of this; a file that is open is continued. One that no router writes to any longer is closed when the last such router has ended its
requests (with workers, a minute after its last line).

Only regular files are rolled or emptied. \`/dev/stdout\` and \`/dev/stderr\` are this process's own and are left alone.

## Rolling by another program

A file that was moved away or removed is begun anew about a second later. To have it at once, send SIGUSR2 or \`POST /admin/access-logs/reopen\`: the files are closed and
opened by their paths, and everything but a write in progress goes into the new one. The POST is answered when that is done. One that was copied and emptied
(\`copytruncate\`) is continued at its new end, but lines that come between the copy and the emptying are lost. For logrotate:

\`\`\`
/var/log/fairlead/access.log {
  daily
  rotate 7
  delaycompress
  compress
  postrotate
    curl -fsS -X POST http://127.0.0.1:9990/admin/access-logs/reopen
  endscript
}
\`\`\`
`;

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const rows = LOG_FIELDS.map(({ name, doc, text }) => `| \`${name}\` | ${doc}${text ? "" : " A number."} |\n`);
  return new Map([["docs/access-log.md", `${INTRODUCTION}${rows.join("")}${DETAILS}`]]);
}
