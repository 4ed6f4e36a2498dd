// WebSockets by libraries of others on both sides: Python's websockets as caller, it and ws for Node as services. Node's own client is
// in test/e2e/websocket.test.ts.
import { nodeWith, pythonWith } from "../libraries.ts";
import { freePort } from "../processes.ts";
import { startSidecar } from "../sidecar.ts";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";

const PYTHON = pythonWith("websockets.asyncio.client", "websockets==17.4");
const WS = nodeWith("ws@8.23.0");

/** host:port of a router that takes upgrades and CONNECT, and of one that takes neither. */
interface Routers {
  readonly open: string;
  readonly closed: string;
}

/** Both services share them. */
let routers: Promise<Routers> | null = null;

export const webSocket: readonly Peer[] = [
  {
    name: "WebSocket: websockets",
    named: true,
    needs: [PYTHON],
    run: (stage, python = "") => {
      return check(stage, "ws-python", python, () => ({ command: python, args: [program("websocket/server.py")] }));
    },
  },
  {
    name: "WebSocket: ws",
    named: true,
    needs: [PYTHON, WS],
    run: (stage, python = "") => {
      const start = (): Launch => {
        return { command: process.execPath, args: [program("websocket/server.cjs")], env: { NODE_PATH: WS.path } };
      };
      return check(stage, "ws-node", python, start);
    },
  },
];

async function check(stage: Stage, name: string, python: string, start: () => Launch): Promise<void> {
  const { closed, open } = await (routers ??= startRouters(stage));
  await stage.serve(name, start);
  await stage.client(python, [program("websocket/client.py"), name, open, closed]);
}

async function startRouters(stage: Stage): Promise<Routers> {
  const [open, closed] = [await freePort(), await freePort()];
  const dtab = "/svc => /#/io.l5d.fs; /connect/ws-python/80 => /svc/ws-python; /connect/ws-node/80 => /svc/ws-node;";
  await startSidecar(stage, "websockets", {
    namers: [{ kind: "io.l5d.fs", rootDir: stage.fairlead.disco.directory }],
    routers: [
      { protocol: "http", dtab, label: "open", servers: [{ ip: "127.0.0.1", port: open, connect: true }] },
      { protocol: "http", dtab, label: "closed", servers: [{ ip: "127.0.0.1", port: closed, upgrades: [] }] },
    ],
  });
  return { open: `127.0.0.1:${open}`, closed: `127.0.0.1:${closed}` };
}
