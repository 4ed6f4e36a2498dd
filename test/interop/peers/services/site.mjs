// A site with a page of many parts. The page writes into itself what of it has come; /missing-parts says what was not asked for.
import http from "node:http";

const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
const PAGE = `<!doctype html><title>site</title><link rel="stylesheet" href="/style.css"><script src="/script.js"></script>
<body><img src="/pixel.gif"><p id="result"></p><script type="module" src="/main.mjs"></script>`;
const MAIN = `
  const text = async (url, options) => (await fetch(url, options)).text();
  const upload = "0123456789".repeat(100_000);
  const unchanged = async () => {
    await text("/cached");
    const again = await fetch("/cached", { cache: "no-cache" });
    return again.status === 200 && (await again.text()) === "kept";
  };
  const many = async () => (await Promise.all(Array.from({ length: 60 }, (_, i) => text("/part?" + i)))).every((part, i) => part === "part " + i);
  const checks = {
    style: () => getComputedStyle(document.body).color === "rgb(1, 2, 3)",
    image: () => document.images[0].decode().then(() => document.images[0].naturalWidth === 1),
    script: () => window.scriptRan === true,
    json: async () => (await (await fetch("/data.json")).json()).answer === 42,
    upload: async () => (await text("/upload", { method: "POST", body: upload })) === upload,
    chunks: async () => (await text("/chunks")) === "one two three",
    unchanged,
    many,
    override: async () => (await text("http://users/cors", { headers: { "l5d-dtab": "/svc/users=>/svc/users-v2" } })) === "users-v2 hello\\n",
  };
  const came = [];
  for (const [name, check] of Object.entries(checks)) if (await check().then((v) => v, (e) => String(e)) === true) came.push(name);
  document.getElementById("result").textContent = came.join(", ");
`;

const missing = new Set(["/", "/style.css", "/script.js", "/pixel.gif", "/main.mjs", "/data.json", "/upload", "/chunks", "/cached 304", "/part"]);
const typed = (type, body) => (req, res) => res.writeHead(200, { "Content-Type": type }).end(body);
const pages = {
  "/": typed("text/html", PAGE),
  "/style.css": typed("text/css", "body { color: rgb(1, 2, 3) }"),
  "/script.js": typed("text/javascript", "window.scriptRan = true"),
  "/pixel.gif": typed("image/gif", PIXEL),
  "/main.mjs": typed("text/javascript", MAIN),
  "/data.json": typed("application/json", '{"answer":42}'),
  "/upload": (req, res) => req.pipe(res),
  "/part": (req, res) => res.end(`part ${new URL(req.url, "http://site").search.slice(1)}`),
  "/missing-parts": (req, res) => res.end([...missing].join()),
  "/chunks": (req, res) => {
    res.write("one ");
    setTimeout(() => res.write("two "), 20);
    setTimeout(() => res.end("three"), 40);
  },
  "/cached": (req, res) => {
    const kept = req.headers["if-none-match"] === '"kept"';
    if (kept) missing.delete("/cached 304");
    res.writeHead(kept ? 304 : 200, { ETag: '"kept"', "Cache-Control": "max-age=60" }).end(kept ? undefined : "kept");
  },
};

http
  .createServer((req, res) => {
    const { pathname } = new URL(req.url, "http://site");
    missing.delete(pathname);
    (pages[pathname] ?? ((_, res) => res.writeHead(404).end()))(req, res);
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
