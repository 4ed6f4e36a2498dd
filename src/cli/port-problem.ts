// An address that cannot be listened on, in one line: which, why, and the key to change.
import { resolve } from "node:path";
import type { LinkerConfig } from "../app/config.ts";

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "is already in use; stop what listens there",
  EADDRNOTAVAIL: "is no address of this machine; write one that is, or 0.0.0.0",
  EACCES: "may not be listened on by this user; choose a port from 1024 on",
};

/** What an error of `listen` says; null for any other error. */
export function portProblem(error: unknown, config: LinkerConfig): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  if ("path" in error && typeof error.path === "string" && "reason" in error && typeof error.reason === "string")
    return pathProblem(error.path, error.reason, config);
  const reason = REASONS[error.code];
  if (reason === undefined || !("port" in error) || typeof error.port !== "number") return null;
  const ip = "address" in error && typeof error.address === "string" ? error.address : "";
  const key = keyOf(ip, error.port, config);
  const change = key === undefined || error.code !== "EADDRINUSE" ? "" : `, or choose another port at ${key}`;
  return `${ip.includes(":") ? `[${ip}]` : ip}:${error.port} ${reason}${change}`;
}

/** Of a unix socket; the transport says why. */
function pathProblem(path: string, reason: string, config: LinkerConfig): string {
  const known = listeners(config).find(({ socket }) => socket !== undefined && resolve(socket) === path);
  return `${path} cannot be listened on: ${reason}${known === undefined ? "" : `; or choose another path at ${known.at}.socket`}`;
}

/** Where the configuration says so. */
function keyOf(ip: string, port: number, config: LinkerConfig): string | undefined {
  const known = listeners(config).find((one) => one.socket === undefined && one.port === port && one.ip === ip);
  return known === undefined ? undefined : `${known.at}.${known.key}`;
}

function listeners({ admin, routers }: LinkerConfig) {
  const servers = routers.flatMap((router, r) =>
    router.servers.map(({ ip, port, socket }, s) => ({
      ip,
      port,
      socket,
      at: `routers[${r}].servers[${s}]`,
      key: "port",
    })),
  );
  const { httpIdentifierPort, ip, port, socket } = admin;
  return [
    ...servers,
    { ip, port, socket, at: "admin", key: "port" },
    ...(httpIdentifierPort === undefined
      ? []
      : [{ ip, port: httpIdentifierPort, socket: undefined, at: "admin", key: "httpIdentifierPort" }]),
  ];
}
