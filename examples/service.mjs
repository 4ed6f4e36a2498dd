// A service for the examples to have something behind them. It answers with its name and says through whom it was asked:
//   node examples/service.mjs NAME HOST:PORT [URL]
// With a URL it asks that one first, as services ask each other, and adds what it heard.
import { createServer } from "node:http";

const [name, address, url] = process.argv.slice(2);
const { hostname, port } = new URL(`http://${address}`);

/** What belongs to one request of a user, and so goes along to whoever is asked on its behalf: docs/applications.md. */
const context = (headers) => Object.entries(headers).filter(([field]) => field.startsWith("l5d-ctx-"));

const server = createServer(async (request, response) => {
  try {
    const said = url === undefined ? "" : await heard(await fetch(url, { headers: context(request.headers) }));
    response.end(`${name}, asked through ${request.headers.via ?? "nobody"}\n${said}`);
  } catch (error) {
    response.writeHead(502).end(`${name}: ${error.cause?.message ?? error.message}\n`);
  }
});

async function heard(answer) {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return text;
}

server.listen(Number(port), hostname, () => console.log(`${name} listens on ${address}`));
// As the first process of a container it would ignore the signal otherwise.
process.on("SIGTERM", () => server.close(() => process.exit(0)));
