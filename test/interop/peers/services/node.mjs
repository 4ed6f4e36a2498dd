// A service in Node: what every service here does, and what only this one does for the tests of clients.
// NAME: who it says it is; PORT: where it listens; PROXY: host:port of fairlead.
import http from "node:http";

const { NAME = "node", PORT, PROXY } = process.env;
const counts = { requests: 0, waiting: 0, cancelled: 0 };
let draining = false;
/** Answers that wait for /release. */
const held = new Set();

const pages = {
  "/hello": (req, res) => answer(res, 200, `${NAME} hello\n`),
  "/echo": (req, res) => req.pipe(res),
  "/chunks": (req, res) => {
    for (let i = 0; i < 10; i++) res.write(`chunk ${i}\n`);
    res.end();
  },
  "/call": call,
  "/headers": (req, res) => answer(res, 200, JSON.stringify(req.headers)),
  "/counts": (req, res) => answer(res, 200, JSON.stringify(counts)),
  "/nothing": (req, res) => res.writeHead(204).end(),
  "/big": (req, res, query) => answer(res, 200, Buffer.alloc(Number(query.get("bytes")), "fairlead")),
  "/wait": (req, res, query) => {
    const timer = setTimeout(() => answer(res, 200, `${NAME} waited\n`), Number(query.get("ms")));
    counts.waiting++;
    res.on("close", () => {
      counts.waiting--;
      if (!res.writableFinished) counts.cancelled++;
      clearTimeout(timer);
    });
  },
  "/hold": (req, res) => {
    res.write("first\n");
    held.add(res);
    counts.waiting++;
  },
  "/release": (req, res) => {
    for (const waiting of held) waiting.end("last\n");
    counts.waiting -= held.size;
    held.clear();
    answer(res, 200, "released\n");
  },
  "/trailers": (req, res) => {
    req.resume().on("end", () => {
      res.writeHead(200, { Trailer: "x-sum, x-got" });
      res.write("body\n");
      res.addTrailers({ "x-sum": "5", "x-got": req.trailers["x-sent"] ?? "none" });
      res.end();
    });
  },
  // For a page of another site, which wants to override a name: the browser asks first whether it may.
  "/cors": (req, res) => {
    res.setHeader("Access-Control-Allow-Origin", "*");
    res.setHeader("Access-Control-Allow-Headers", "l5d-dtab");
    answer(res, 200, `${NAME} hello\n`);
  },
  "/early": (req, res) =>
    res.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" }, () => answer(res, 200, "late\n")),
  "/cached": (req, res) => {
    res.setHeader("ETag", '"one"');
    if (req.headers["if-none-match"] !== '"one"') return answer(res, 200, "cached\n");
    return res.writeHead(304).end();
  },
};

/** Asks users through the proxy. The contract with applications: copy the l5d-ctx-* headers. */
function call(req, res) {
  const headers = { host: "users" };
  for (const [name, value] of Object.entries(req.headers)) {
    if (name.startsWith("l5d-ctx-")) headers[name] = value;
  }
  http.get(`http://${PROXY}/hello`, { headers }, async (users) => {
    answer(res, 200, `${NAME} > ${(await users.toArray()).join("")}`);
  });
}

function answer(res, status, body) {
  res
    .writeHead(status, { "Content-Length": Buffer.byteLength(body), ...(draining ? { Connection: "close" } : {}) })
    .end(body);
}

const server = http.createServer((req, res) => {
  counts.requests++;
  const { pathname, searchParams } = new URL(req.url, "http://service");
  const page = pages[pathname];
  if (page === undefined) answer(res, 404, "no such page\n");
  else page(req, res, searchParams);
});
server.keepAliveTimeout = 30_000;
server.listen(Number(PORT), "127.0.0.1");

// Accepts no more, closes what is idle, finishes what it has begun.
process.on("SIGTERM", () => {
  draining = true;
  server.close(() => process.exit(0));
});
