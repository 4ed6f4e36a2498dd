// An application of three tiers in three languages, written without fairlead in mind but for the three lines that pass the context on.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BIN, Discovery } from "../fairlead.ts";
import type { Need } from "../machine.ts";
import { freePort, listening, type Running } from "../processes.ts";
import { type Launch, type Peer, program, type Service, type Stage } from "../stage.ts";
import { GO } from "./grpc.ts";

const PATIENCE_MS = 5000;
const LOOK_MS = 50;

const PYTHON: Need = {
  probes: ["python3", "/usr/bin/python3"].map((command) => [command, "-c", "import grpc, grpc_tools"] as const),
  packages: ["python3-grpcio", "python3-grpc-tools"],
};
const PROTOC: Need = { probes: [["protoc", "--version"]], packages: ["protobuf-compiler"] };
const BUILD_MS = 300_000;

/** The one address that all of the application knows, and where its services are. */
interface Mesh {
  readonly address: string;
  readonly disco: Discovery;
  readonly fairlead: Running;
}

/** What is started by hand. */
interface Built {
  readonly orders: string;
  readonly python: string;
  /** The code made for Python. */
  readonly generated: string;
}

export const grpcApp: Peer = {
  name: "gRPC-app",
  named: true,
  needs: [GO, PYTHON, PROTOC],
  async run(stage, go = "", python = "", protoc = "") {
    const built = { python, ...(await build(stage, go, python, protoc)) };
    const mesh = await startFairlead(stage);
    const { users, web } = await serve(stage, mesh, built);
    const call = (state: string) => {
      return stage.client(process.execPath, [program("grpc-app/node/caller.mjs"), mesh.address, state]);
    };
    await call("up");
    await givenUp(stage, users);
    await stop(users);
    await call("users-down");
    await stop(web);
    await call("web-down");
    await stage.report.case("fairlead has logged no error of its own", () => {
      const said = mesh.fairlead.said();
      if (/ ERROR /.test(said)) throw new Error(said.slice(-2000));
    });
  },
};

/** Builds in a copy, since what is generated for Go belongs into its module. */
async function build(
  stage: Stage,
  go: string,
  python: string,
  protoc: string,
): Promise<Pick<Built, "generated" | "orders">> {
  const generated = stage.directory("grpc-app-python");
  const module = stage.directory("grpc-app-orders");
  const tools = stage.directory("grpc-app-tools");
  const from = ["-I", program("grpc-app"), "shop.proto"];
  const outputs = [`--python_out=${generated}`, `--grpc_python_out=${generated}`];
  await succeed(stage, python, ["-m", "grpc_tools.protoc", ...outputs, ...from]);
  cpSync(program("grpc-app/go"), module, { recursive: true });
  await succeed(stage, go, ["build", "-o", `${tools}/`, "tool"], module);
  const plugins = ["protoc-gen-go", "protoc-gen-go-grpc"].map((name) => `--plugin=${join(tools, name)}`);
  const places = ["go", "go-grpc"].flatMap((kind) => [
    `--${kind}_out=${module}`,
    `--${kind}_opt=module=fairlead.test/shop`,
  ]);
  await succeed(stage, protoc, [...plugins, ...places, ...from]);
  const orders = join(tools, "orders");
  await succeed(stage, go, ["build", "-o", orders, "."], module);
  return { generated, orders };
}

/** Starts all services. Each is told one address for all others. */
async function serve(
  stage: Stage,
  { address, disco }: Mesh,
  { generated, orders, python }: Built,
): Promise<{ readonly users: Service; readonly web: Service }> {
  const start = async (name: string, command: string, before: readonly string[], ...after: string[]) => {
    const launch = (port: number): Launch => ({ command, args: [...before, `127.0.0.1:${port}`, ...after] });
    const service = await stage.serve(`grpc-app-${name}`, launch, false);
    disco.put(name, [service.port]);
    return service;
  };
  const inNode = (file: string) => [program(`grpc-app/node/${file}`)];
  const inPython = (file: string) => [program(`grpc-app/python/${file}`), generated];
  const users = await start("users", process.execPath, inNode("users.mjs"));
  await start("users-v2", python, inPython("users.py"));
  await start("orders", orders, [], address);
  const web = await start("web", python, inPython("web.py"), address);
  await start("web-in-node", process.execPath, inNode("web.mjs"), address);
  return { users, web };
}

/** The last tier learns that the first caller does not wait any more. */
async function givenUp({ report }: Stage, { process: users }: Service): Promise<void> {
  for (const language of ["Python", "Node"]) {
    for (const what of ["deadline", "call", "stream"]) {
      await report.case(`users learn that nobody waits behind web in ${language}: ${what}`, async () => {
        const told = `nobody waits for slow ${what} in ${language} any more`;
        for (let waitedMs = 0; !users.said().includes(told); waitedMs += LOOK_MS) {
          if (waitedMs > PATIENCE_MS) throw new Error(`users were not told; they said ${users.said()}`);
          await sleep(LOOK_MS);
        }
      });
    }
  }
}

async function succeed(stage: Stage, command: string, args: readonly string[], cwd = "."): Promise<void> {
  const { code, stderr } = await stage.processes.run(command, args, { cwd, timeoutMs: BUILD_MS });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.slice(0, 2000)}`);
}

async function stop({ process: running }: Service): Promise<void> {
  running.signal("SIGKILL");
  await running.ended;
}

async function startFairlead(stage: Stage): Promise<Mesh> {
  const directory = stage.directory("grpc-app");
  mkdirSync(directory, { recursive: true });
  const disco = new Discovery(join(directory, "disco"));
  const [port, admin] = [await freePort(), await freePort()];
  const file = join(directory, "fairlead.yaml");
  writeFileSync(file, configText(port, admin, disco));
  const fairlead = stage.processes.start("grpc-app-fairlead", process.execPath, [BIN, "run", file]);
  await listening(fairlead, port);
  return { address: `127.0.0.1:${port}`, disco, fairlead };
}

/** The service of gRPC names what is asked for. */
function configText(port: number, admin: number, { directory }: Discovery): string {
  return `admin: { ip: 127.0.0.1, port: ${admin} }
usage: { enabled: false }
namers:
  - kind: io.l5d.fs
    rootDir: ${directory}
routers:
  - protocol: h2
    identifier:
      kind: io.l5d.header.path
      segments: 1
    dtab: |
      /svc             => /#/io.l5d.fs ;
      /svc/shop.Web    => /svc/web ;
      /svc/shop.Orders => /svc/orders ;
      /svc/shop.Users  => /svc/users ;
    servers:
      - port: ${port}
        ip: 127.0.0.1
`;
}
