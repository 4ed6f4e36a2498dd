// A service that answers by asking the next one, over HTTP/1.1.
import { Agent, createServer, type IncomingMessage, request as ask, type ServerResponse } from "node:http";
import { forwarded, type Next } from "./forwarded.ts";

const KEPT_MS = 600_000;

export async function relayHttp(ports: readonly number[], next: Next): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
  const listening = ports.map((port) => {
    const server = createServer({ keepAliveTimeout: KEPT_MS, noDelay: true }, (request, response) =>
      relay(request, response, next, agent),
    );
    return new Promise<void>((done) => void server.listen(port, "127.0.0.1", done));
  });
  await Promise.all(listening);
}

function relay(request: IncomingMessage, response: ServerResponse, next: Next, agent: Agent): void {
  if (request.url === "/health") return void response.writeHead(200).end();
  const asked = ask(
    {
      agent,
      host: "127.0.0.1",
      port: next.port,
      method: request.method,
      path: request.url,
      headers: {
        ...forwarded(request.headers),
        host: next.name,
        ...(request.method === "POST" && { "content-length": request.headers["content-length"] }),
      },
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, { ...answerHeaders(answer) });
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    },
  );
  asked.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502, { "x-relay": "failed" }).end();
  });
  response.on("close", () => {
    if (!response.writableFinished) asked.destroy(); // whoever asked has gone: so may the work
  });
  response.on("error", () => undefined);
  request.pipe(asked);
}

/** What the answer of the next service means is said by it alone: its cause and its length pass. */
function answerHeaders({ headers }: IncomingMessage): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of ["x-id", "content-type", "content-length", "fairlead-cause"]) {
    const value = headers[name];
    if (value !== undefined) passed[name] = String(value);
  }
  return passed;
}
