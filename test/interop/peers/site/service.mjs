// A site with a page of many parts, which keeps account of what was asked for: /missing says what was not.
import { readFileSync } from "node:fs";
import http from "node:http";

const file = (name, type) => {
  const body = readFileSync(new URL(name, import.meta.url));
  return (req, res) => res.writeHead(200, { "Content-Type": type, "Content-Length": body.length }).end(body);
};

const pages = {
  "/": file("index.html", "text/html"),
  "/style.css": file("style.css", "text/css"),
  "/script.js": file("script.js", "text/javascript"),
  "/main.mjs": file("main.mjs", "text/javascript"),
  "/pixel.gif": (req, res) =>
    res
      .setHeader("Content-Type", "image/gif")
      .end("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64"),
  "/data.json": (req, res) => res.setHeader("Content-Type", "application/json").end('{"answer":42}'),
  "/upload": (req, res) => req.pipe(res),
  "/part": (req, res) => res.end(`part ${new URL(req.url, "http://site.test").search.slice(1)}`),
  "/chunks": (req, res) => {
    res.write("one ");
    setTimeout(() => res.write("two "), 20);
    setTimeout(() => res.end("three"), 40);
  },
  "/cached": (req, res) => {
    const kept = req.headers["if-none-match"] === '"kept"';
    if (kept) missing.delete("a 304");
    res.writeHead(kept ? 304 : 200, { ETag: '"kept"', "Cache-Control": "max-age=60" }).end(kept ? undefined : "kept");
  },
};

const missing = new Set([...Object.keys(pages), "a 304"]);

http
  .createServer((req, res) => {
    const { pathname } = new URL(req.url, "http://site.test");
    const page = pages[pathname];
    missing.delete(pathname);
    if (page !== undefined) page(req, res);
    else if (pathname === "/missing") res.end([...missing].join(", "));
    else res.writeHead(404).end();
  })
  .listen(Number(process.env.PORT), "127.0.0.1");
