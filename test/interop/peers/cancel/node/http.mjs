// Work of 3 s on node:http, for the case `cancel`: `http.mjs PORT`.
import http from "node:http";
import { work } from "./work.mjs";

const ways = {
  "/close": (res, left) => res.on("close", left),
  "/signal": (res, left) => res.req.signal.addEventListener("abort", left),
  "/plain": () => undefined,
};

const server = http.createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url, "http://service");
  await work(searchParams.get("id"), (left) => ways[pathname](res, left));
  res.end("done\n");
});
server.listen(Number(process.argv[2]), "127.0.0.1");
