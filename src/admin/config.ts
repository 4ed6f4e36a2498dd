// Configuration of the admin server (reference §7.5).
import { bool, int, ip, list, object, port, text } from "../config/schema.ts";
import { type Report } from "../config/spec.ts";
import { serverSocketOptions, tls, unixSocketKeys } from "../transport/config.ts";
import { patternProblem } from "./path-pattern.ts";

const lists = ["pathWhitelist", "pathBlacklist"] as const;

type CheckedLists = { readonly [L in (typeof lists)[number]]?: readonly (string | undefined)[] | undefined };

function checkPatterns(security: CheckedLists, report: Report): void {
  for (const name of lists) {
    for (const [index, pattern] of (security[name] ?? []).entries()) {
      const problem = pattern === undefined ? null : patternProblem(pattern);
      if (problem !== null)
        report(
          [name, index],
          `no regular expression: ${problem}`,
          "write it as JavaScript has it, such as /namer_state/.*",
        );
    }
  }
}

const pathPattern = text({ doc: "A regular expression (JavaScript) for the whole of a path." });

const security = object(
  {
    doc: "Which endpoints of the admin port are served; docs/admin.md has the category of each. Others are answered with 404.",
    default: {},
    checks: [checkPatterns],
  },
  {
    uiEnabled: bool({ doc: "Serves endpoints of the category ui.", default: true }),
    controlEnabled: bool({ doc: "Serves endpoints of the category control.", default: true }),
    diagnosticsEnabled: bool({ doc: "Serves endpoints of the category diagnostics.", default: true }),
    pathWhitelist: list({ doc: "Paths that are served although their category is not.", default: [] }, pathPattern),
    pathBlacklist: list({ doc: "Paths that are not served although their category is.", default: [] }, pathPattern),
  },
);

export const admin = object(
  { doc: "The server for people and monitoring: metrics, state, log levels, shutdown.", default: {} },
  {
    ip: ip({ doc: "Address to listen on. Whoever reaches it can stop the process.", default: "127.0.0.1" }),
    port: port({ doc: "Port to listen on; 0 lets the system choose.", default: 9990 }),
    ...unixSocketKeys("0600"),
    socketOptions: serverSocketOptions,
    shutdownGraceMs: int({
      doc: "How long requests in flight may take after a stop was asked for.",
      unit: "ms",
      default: 10_000,
    }),
    minDrainMs: int({
      doc: "After a stop was asked for, everything is served for this long while `/admin/ready` says no and answers tell callers to go, so that balancers in front notice before the ports are closed. Part of `shutdownGraceMs`.",
      unit: "ms",
      default: 0,
      origin: "fairlead",
      example: 5000,
    }),
    tls,
    httpIdentifierPort: port({
      doc: "A port of its own, at `ip`, where any request is answered with what each router would call it (docs/admin.md); 0 lets the system choose.",
      defaultDoc: "none",
      example: 9991,
      differs:
        "Linkerd 1.x tells of http routers alone, fairlead of h2 routers as well; and of none unless security.diagnosticsEnabled holds.",
    }),
    workerThreads: int({
      doc: "Threads of the admin server.",
      min: 1,
      accepted: "has no effect: the admin server needs no threads of its own",
    }),
    security,
  },
);
