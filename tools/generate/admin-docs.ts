// docs/admin.md, for tools/generate-docs.ts to write or to compare.
import { documentedRoutes, methodsOf, type Route } from "../../src/admin/routes.ts";

const INTRODUCTION = `<!-- Generated from src/admin/routes.ts by \`npm run docs\`. Do not edit. -->

# The admin server

Metrics, state and a few switches, for people and monitoring, at 127.0.0.1:9990 unless [\`admin\`](config.md#admin) says otherwise. A browser at \`/\` shows what every router does.

- There is no password: whoever reaches the port may read everything and stop the process. So it listens on the loopback address unless told otherwise.
- A browser reaches the port on behalf of every page it shows. So requests are refused (403) whose \`Host\` is not \`localhost\`, the address listened on or another address of
  this machine, and requests whose \`Origin\` is another site. Listening on \`0.0.0.0\` or \`::\`, any address will do as \`Host\`, but no name.
- What cannot be answered is told in words, as JSON (\`{"error": "…"}\`) by endpoints whose path ends in \`.json\`: 400 what is wrong with the request, 404 what there is instead, 405 which methods
  there are (\`Allow\`), 413 bodies of more than 1 MiB.
- HEAD works wherever GET does. Long answers are made while they are sent, a little in each turn of the event loop, so that no request waits for them.
- It goes on answering while the process stops, and is the last to go.

| endpoint | methods | category | what it is |
|---|---|---|---|
`;

const DETAILS = `
## Which endpoints are served

\`\`\`yaml
admin:
  security:
    controlEnabled: false
    diagnosticsEnabled: false
    pathWhitelist: ["/admin/(ping|ready)", "/admin/metrics/prometheus"]
    pathBlacklist: ["/config\\\\.json"]
\`\`\`

An endpoint whose category is enabled is served unless a pattern of \`pathBlacklist\` matches its path; one whose category is disabled only if a pattern of \`pathWhitelist\` does. What is
not served is answered with 404, and neither \`/admin\`, nor the words of a 404, nor the links of the overview tell of it. Without \`control\`, \`/logging\` shows levels but takes no POST (405).

Patterns are JavaScript's regular expressions, must match the whole path without its query, and distinguish case. Constructs of Java that mean something else in JavaScript (\`\\\\A\`, \`\\\\Q\`, \`\\\\p{…}\`,
\`[a&&b]\`) are problems of the configuration. Escapes (\`%2E\`) do not evade the blacklist. Paths beyond 1024 characters are not there. A pattern that takes more than 20 ms over a path is
given up with a warning in the log, and denies from then on. Each path has its own rule: to hide the metrics, blacklist their other names too. Probes that need \`/admin/ready\` or
\`/admin/ping\` need \`diagnostics\`, or the whitelist.

This is no authentication: who may ask is decided by the address listened on.

## Readiness and liveness

\`/admin/ping\` says that the process lives; \`/admin/ready\` whether it wants requests. After \`POST /admin/shutdown\`, SIGTERM or SIGINT readiness fails first; then the servers stop accepting and
finish what is in progress, at most \`admin.shutdownGraceMs\` long; routers and logs follow, and the admin server is the last.

## How a name is resolved

\`\`\`
curl '127.0.0.1:9990/delegator.json?namespace=http&path=/svc/users'
curl 127.0.0.1:9990/delegator.json -d '{"path": "/svc/users", "dtab": "/svc => /#/io.l5d.fs"}'
\`\`\`

The answer is a tree. Each step has \`type\`, \`path\`, and \`dentry\` or \`namer\` for the rule or namer that made it. Types are \`delegate\`, \`alt\`, \`union\` (with weights), \`leaf\` (with the bound
name, its addresses and the residual path), \`neg\`, \`fail\`, \`empty\` and \`exception\`. A \`dtab\` that is sent stands for the router's own, to try out a change; nothing is kept. Discovery that does not
answer within two seconds makes it 503. \`fairlead dtab explain --admin\` shows the same as text.

## How a request is named

With \`admin.httpIdentifierPort\` there is a second port, at the same \`ip\`. Any request that is sent to it, whatever its method and path, is answered with what each router of HTTP would call it, by that router's
own identifiers, those of plug-ins among them; nothing is sent anywhere.

\`\`\`
curl -H 'Host: web' -H 'l5d-dtab: /svc/web => /svc/canary' 127.0.0.1:9991/users?id=1
{"outgoing":{"path":"/svc/web","dtab":"/svc=>/#/io.l5d.fs;/svc/web=>/svc/canary"},"grpc":{"error":"Unknown destination: …"}}
\`\`\`

\`path\` is the name, \`dtab\` the rules it would be resolved by: those of the router, then those of the request (\`l5d-ctx-dtab\` and \`l5d-dtab\`, whoever may send them elsewhere), which win. \`error\` says why there
is no name. A request of HTTP/1.1 asks h2 routers as well; \`:authority\`, \`:path\` and \`:method\` stand for its host, target and method.

The port belongs to the category \`diagnostics\`: without it everything is answered with 404. \`pathWhitelist\` and \`pathBlacklist\` say nothing of it, as all its paths are those of requests. Its \`Host\` may be
anything, since that is what is asked about, so a page that is made to point at this machine may read names and rules; requests whose \`Origin\` is another site are refused. It follows reloads and restarts like the
admin server, and has its \`socketOptions\`.

## Clients and their endpoints

\`/client_state.json\` has, by bound name, \`state\` and \`addresses\` as discovery has them, and for each router that uses the client its endpoints: \`health\` (alive, dead, probing), \`weight\`, \`load\` as the
balancer sees it, \`pending\` requests, and connections in \`pool\`.

## Log levels

\`\`\`
curl 127.0.0.1:9990/logging.json -d 'logger=router.http&level=DEBUG'
\`\`\`

\`root\` is the level of all loggers without one of their own. Levels of Linkerd 1.x that are called otherwise here (ALL, WARNING, CRITICAL, FATAL) are understood. They last until the process ends.
`;

/** Paths from the root of the project, and the texts that belong there. */
export function generated(): Map<string, string> {
  const shown = documentedRoutes.filter((route) => route.hidden !== true);
  return new Map([["docs/admin.md", `${INTRODUCTION}${shown.map(row).join("")}${otherNames()}${DETAILS}`]]);
}

function row(route: Route): string {
  const parameters = Object.entries(route.parameters ?? {}).map(([name, words]) => `\`${name}\`: ${words}`);
  const asked = parameters.length === 0 ? "" : ` ${parameters.join("; ")}.`;
  const methods = methodsOf(route).filter((method) => method !== "HEAD");
  return `| \`${route.path}\` | ${methods.join(", ")} | ${categories(route)} | ${route.doc}${asked} |\n`;
}

function categories({ category, postCategory }: Route): string {
  return postCategory === undefined ? category : `${category}; POST ${postCategory}`;
}

function otherNames(): string {
  const names = documentedRoutes.filter((route) => route.hidden === true).map((route) => `\`${route.path}\``);
  return `\nOther names of the above, for scripts that use them: ${names.join(", ")}.\n`;
}
