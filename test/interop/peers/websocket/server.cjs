// A service on the library ws, that does what server.py does. PORT: where it listens.
const http = require("node:http");
const { WebSocketServer } = require("ws");

let last = {};
const server = http.createServer((req, res) => res.writeHead(426).end());
const sockets = new WebSocketServer({
  noServer: true,
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
});

server.on("upgrade", (req, socket, head) => {
  if (req.url === "/forbidden")
    return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\nConnection: close\r\n\r\nnot you\n");
  sockets.handleUpgrade(req, socket, head, (one) => handle(one, new URL(req.url, "http://service"), socket));
});

function handle(one, { pathname, searchParams }, socket) {
  if (pathname === "/last") return one.send(JSON.stringify(last), () => one.close());
  one.on("close", (code, reason) => (last = { code, reason: reason.toString() }));
  one.on("error", () => undefined);
  if (pathname === "/close") one.close(Number(searchParams.get("code")), searchParams.get("reason"));
  else if (pathname === "/ping") one.on("pong", () => one.send("pong")).ping("are you there");
  else if (pathname === "/push") for (let number = 0; number < 500; number++) one.send(String(number).repeat(100));
  else if (pathname === "/vanish") socket.resetAndDestroy();
  else one.on("message", (message, binary) => one.send(message, { binary }));
}

server.listen(Number(process.env.PORT), "127.0.0.1");
