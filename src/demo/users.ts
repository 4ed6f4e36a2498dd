// The service `users` of the demo, in two versions.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { listen } from "./service.ts";

/** Starts it; resolves to its port. */
export function serveUsers(version: 1 | 2): Promise<number> {
  const user = version === 1 ? "Ada!" : "Countess Ada Lovelace!";
  const server = http.createServer((_request, response) => {
    const { port } = server.address() as AddressInfo; // it listens on a port
    response.end(`${user}\n  says users v${version} on port ${port}`);
  });
  return listen(server);
}
