// A port that cannot be listened on, in one line: which, why, and the key to change.
import type { LinkerConfig } from "../app/config.ts";

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "is already in use; stop what listens there",
  EADDRNOTAVAIL: "is no address of this machine; write one that is, or 0.0.0.0",
  EACCES: "may not be listened on by this user; choose a port from 1024 on",
};

/** What an error of `listen` says; null for any other error. */
export function portProblem(error: unknown, config: LinkerConfig): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  const reason = REASONS[error.code];
  if (reason === undefined || !("port" in error) || typeof error.port !== "number") return null;
  const ip = "address" in error && typeof error.address === "string" ? error.address : "";
  const key = keyOf(ip, error.port, config);
  const change = key === undefined || error.code !== "EADDRINUSE" ? "" : `, or choose another port at ${key}`;
  return `${ip.includes(":") ? `[${ip}]` : ip}:${error.port} ${reason}${change}`;
}

/** Where the configuration says so. */
function keyOf(ip: string, port: number, { admin, routers }: LinkerConfig): string | undefined {
  const keys = routers.flatMap((router, r) =>
    router.servers.map((server, s) => ({ ip: server.ip, port: server.port, key: `routers[${r}].servers[${s}].port` })),
  );
  keys.push({ ip: admin.ip, port: admin.port, key: "admin.port" });
  return keys.find((known) => known.port === port && known.ip === ip)?.key;
}
