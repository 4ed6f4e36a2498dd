// gRPC: every caller asks every service, over one fairlead and over two in a row.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type H2Proxy, startH2, stopH2 } from "../h2.ts";
import type { Need } from "../machine.ts";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";

/** The interop cases that every library has. */
const PLAIN = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "cancel_after_begin",
  "cancel_after_first_response",
  "timeout_on_sleeping_server",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "rpc_soak",
];
const BY_CLIENT = ["client_compressed_unary", "client_compressed_streaming"];
const BY_SERVER = ["server_compressed_unary", "server_compressed_streaming"];

/** What is there once everything is built. */
interface Built {
  readonly go: string;
  readonly python: string;
  readonly ruby: string;
  /** The code made from interop.proto. */
  readonly generated: string;
}

/** How a caller is started; the address and the names of cases follow. */
type Callers = Readonly<Record<"go" | "js" | "python" | "ruby" | "frames", readonly [string, ...string[]]>>;

export const GO: Need = { probes: [["go", "version"]], packages: ["golang-go"] };
const PYTHON: Need = {
  probes: [
    ["python3", "-c", "import grpc, grpc_tools"],
    ["/usr/bin/python3", "-c", "import grpc, grpc_tools"],
  ],
  packages: ["python3-grpcio", "python3-grpc-tools"],
};
const RUBY: Need = { probes: [["ruby", "-rgrpc", "-e", ""]], packages: ["ruby-grpc"] };
const PROTOC: Need = { probes: [["protoc", "--version"]], packages: ["protobuf-compiler"] };

export const grpc: Peer = {
  name: "gRPC",
  named: true,
  needs: [GO, PYTHON, RUBY, PROTOC],
  async run(stage, go = "", python = "", ruby = "", protoc = "") {
    const built = { ruby, python, ...(await build(stage, go, python, protoc)) };
    const one = await startH2(stage, "grpc-one-hop", await serve(stage, built));
    const names = ["go", "js", "python", "frames"];
    const two = await startH2(
      stage,
      "grpc-two-hops",
      Object.fromEntries(names.map((name) => [name, portOf(one, name)])),
    );
    for (const [how, proxy] of [
      ["over one hop", one],
      ["over two hops", two],
    ] as const) {
      await everyPair(stage, callers(built), proxy, how);
    }
    await stopH2(stage, two);
    await stopH2(stage, one);
  },
};

function portOf(proxy: H2Proxy, name: string): number {
  return Number(proxy.of(name).split(":")[1]);
}

async function build(
  stage: Stage,
  go: string,
  python: string,
  protoc: string,
): Promise<Pick<Built, "go" | "generated">> {
  const generated = stage.directory("grpc-generated");
  const from = ["-I", program("grpc"), "interop.proto"];
  await succeed(stage, python, [
    "-m",
    "grpc_tools.protoc",
    `--python_out=${generated}`,
    `--grpc_python_out=${generated}`,
    ...from,
  ]);
  await succeed(stage, protoc, [`--ruby_out=${generated}`, ...from]);
  if (readdirSync(generated).length < 3) throw new Error("interop.proto was not compiled");
  return { generated, go: await buildGo(stage, go, ".") };
}

/** Builds a program out of peers/grpc/go and what it requires. */
export async function buildGo(stage: Stage, go: string, target: string): Promise<string> {
  const binary = join(stage.directory("grpc-go"), target === "." ? "interop" : (target.split("/").at(-1) ?? target));
  if (!existsSync(binary)) await succeed(stage, go, ["build", "-o", binary, target], program("grpc/go"));
  return binary;
}

async function succeed(stage: Stage, command: string, args: readonly string[], cwd?: string): Promise<void> {
  const options = { timeoutMs: 300_000, ...(cwd === undefined ? {} : { cwd }) };
  const { code, stderr } = await stage.processes.run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.slice(0, 2000)}`);
}

/** Starts the services, and says where they are. */
async function serve(stage: Stage, { generated, go, python }: Built): Promise<Record<string, number>> {
  const at = (command: string, ...args: string[]) => {
    return (port: number): Launch => ({ command, args: [...args, `127.0.0.1:${port}`] });
  };
  const starts = {
    go: at(go, "serve"),
    js: at(process.execPath, program("grpc/node/server.mjs")),
    python: at(python, program("grpc/python/server.py"), generated),
    frames: at(process.execPath, program("grpc/node/frames-server.mjs")),
  };
  const ports: Record<string, number> = {};
  for (const [name, start] of Object.entries(starts)) {
    ports[name] = (await stage.serve(`grpc-${name}`, start, false)).port;
  }
  return ports;
}

function callers({ generated, go, python, ruby }: Built): Callers {
  return {
    go: [go, "call"],
    js: [process.execPath, program("grpc/node/client.mjs")],
    python: [python, program("grpc/python/client.py"), generated],
    ruby: [ruby, program("grpc/ruby/client.rb"), generated],
    frames: [process.execPath, program("grpc/node/frames-client.mjs")],
  };
}

async function everyPair(stage: Stage, clients: Callers, proxy: H2Proxy, how: string): Promise<void> {
  const pair = (client: keyof Callers, server: string, cases: readonly string[]) => {
    return call(stage, `${client} asks ${server} ${how}`, clients[client], proxy.of(server), cases);
  };
  for (const client of ["go", "js", "python", "ruby"] as const) {
    for (const server of ["go", "js", "python"]) await pair(client, server, PLAIN);
  }
  // Of these libraries none says whether a message was compressed: one side looks at the frames itself.
  await pair("frames", "frames", [...BY_CLIENT, ...BY_SERVER]);
  await pair("frames", "python", BY_SERVER);
  await pair("js", "frames", BY_CLIENT);
  await pair("python", "frames", BY_CLIENT.slice(0, 1));
  await pair("go", "go", ["channel_soak"]);
}

/** Runs a caller's cases against an address: one line of the report, which names the cases that failed. */
async function call(
  { processes, report }: Stage,
  name: string,
  [command, ...args]: readonly [string, ...string[]],
  address: string,
  cases: readonly string[],
): Promise<void> {
  await report.case(`${name}: ${cases.length === 1 ? cases[0] : `${cases.length} cases`}`, async () => {
    const { code, stderr, stdout } = await processes.run(command, [...args, address, ...cases]);
    const passed = new Set(Array.from(stdout.matchAll(/^ok (\w+)$/gm), ([, one]) => one));
    const failed = stdout.match(/^not ok .*/gm) ?? [];
    const silent = cases.filter((one) => !passed.has(one) && !failed.some((line) => line.includes(` ${one}:`)));
    if (passed.size === cases.length && code === 0) return;
    const unsaid =
      silent.length === 0 ? [] : [`said nothing of ${silent.join(", ")}; exit code ${code}`, stderr.slice(-1000)];
    throw new Error([...failed, ...unsaid].join("\n"));
  });
}
