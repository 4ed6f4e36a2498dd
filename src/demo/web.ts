// The service `web` of the demo: greets a user, whom it asks the service `users` for, by name, through the proxy beside it.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { listen, textOf } from "./service.ts";

/** Starts it; resolves to its port. */
export function serveWeb(proxyPort: number): Promise<number> {
  const server = http.createServer((request, response) => {
    // The contract with applications: what begins with l5d-ctx- is copied to the requests made for this one. Three lines.
    const context: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers))
      if (name.startsWith("l5d-ctx-")) context[name] = String(value);

    const users = { host: "127.0.0.1", port: proxyPort, path: "/users/1", headers: { ...context, Host: "users" } };
    http
      .get(users, (answer) => {
        void textOf(answer).then((user) => {
          if (answer.statusCode !== 200)
            return response.writeHead(502).end(`web: users answered ${answer.statusCode}: ${user}`);
          const { port } = server.address() as AddressInfo; // it listens on a port
          return response.end(`Hello, ${user}\n  says web on port ${port}\n`);
        });
      })
      .on("error", (error) => response.writeHead(502).end(`web: users cannot be reached: ${error.message}\n`));
  });
  return listen(server);
}
