// `npm run test:interop`: real programs of others on both sides of a real fairlead. Installs what is missing where it can;
// arguments choose peers by name. What each peer proves is in README.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser } from "./cases/browser.ts";
import { cancel } from "./cases/cancel.ts";
import { curl } from "./cases/curl.ts";
import { differential } from "./cases/differential.ts";
import { discovery } from "./cases/discovery.ts";
import { docker } from "./cases/docker.ts";
import { grpc } from "./cases/grpc.ts";
import { grpcApp } from "./cases/grpc-app.ts";
import { grpcurl } from "./cases/grpcurl.ts";
import { curlH2, h2load, nghttp } from "./cases/h2-tools.ts";
import { h2spec, h2specd } from "./cases/h2spec.ts";
import { haproxy } from "./cases/haproxy.ts";
import { httpProxy } from "./cases/http-proxy.ts";
import { go, java, node, php, python, ruby } from "./cases/languages.ts";
import { nginx } from "./cases/nginx.ts";
import { openTelemetry } from "./cases/opentelemetry.ts";
import { openMetrics, promtool } from "./cases/promtool.ts";
import { redis } from "./cases/redis.ts";
import { stop } from "./cases/stop.ts";
import { systemd } from "./cases/systemd.ts";
import { systemdLive } from "./cases/systemd-live.ts";
import { tunnels } from "./cases/tunnels.ts";
import { unixSockets } from "./cases/unix-sockets.ts";
import { webSocket } from "./cases/websocket.ts";
import { wrk } from "./cases/wrk.ts";
import { zipkin } from "./cases/zipkin.ts";
import { Discovery, startFairlead } from "./fairlead.ts";
import { found, install, ours } from "./machine.ts";
import { Processes } from "./processes.ts";
import { Report } from "./report.ts";
import { type Peer, Stage } from "./stage.ts";

const HTTP1: readonly Peer[] = [
  curl,
  node,
  php,
  python,
  go,
  ruby,
  java,
  nginx,
  haproxy,
  wrk,
  discovery,
  browser,
  stop,
  promtool,
  openMetrics,
  zipkin,
  redis,
  ...httpProxy,
  ...openTelemetry,
  ...tunnels,
  unixSockets,
  ...webSocket,
  systemd,
  systemdLive,
  ...docker,
];
const HTTP2: readonly Peer[] = [
  curlH2,
  nghttp,
  h2load,
  grpcurl,
  grpc,
  grpcApp,
  differential,
  h2spec,
  h2specd,
  ...cancel,
];
const PEERS: readonly Peer[] = [...HTTP1, ...HTTP2];
/** Nothing may hang: after this the run ends as failed. */
const LIMIT_MS = 600_000;

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const peers = PEERS.filter(({ name }) => wanted.length === 0 || namesOf(name).some((one) => wanted.includes(one)));

const scratch = mkdtempSync(join(tmpdir(), "fairlead-interop-"));
const report = new Report();
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

install(peers.flatMap(({ needs }) => needs));
const limit = setTimeout(() => {
  report.fail("ends in time", `it ran for ${LIMIT_MS / 1000} s`);
  report.end();
  process.exit(1);
}, LIMIT_MS);
await runAll();
clearTimeout(limit);
report.end();
process.exitCode = report.failed === 0 ? 0 : 1;

/** `cancel` runs all that are named like `cancel: Puma`, `http_proxy` those like `HTTP_PROXY: Go`. */
function namesOf(name: string): string[] {
  const whole = name.toLowerCase();
  return [whole, whole.replace(/: .*/, "")];
}

async function runAll(): Promise<void> {
  const processes = new Processes(scratch);
  try {
    const disco = new Discovery(join(scratch, "disco"));
    const fairlead = await startFairlead(processes, join(scratch, "main"), disco);
    const stage = new Stage(report, processes, fairlead, scratch);
    const users = await stage.serveNode("users");
    for (const name of ["impatient", "hurried"]) disco.put(name, [users.port]);
    await stage.serveNode("users-v2");
    for (const peer of peers) await runPeer(peer, stage);
    await report.peer("fairlead", () => afterwards(stage));
  } catch (error) {
    report.fail("the stage is set", error);
  } finally {
    await processes.stop();
  }
}

async function runPeer(peer: Peer, stage: Stage): Promise<void> {
  const commands = peer.needs.map(found);
  const present = commands.filter((command) => command !== null);
  await report.peer(peer.name, async () => {
    if (present.length === commands.length) await peer.run(stage, ...present);
    else if (ours && peer.named) report.fail("is there", "an issue names it, and it could not be installed");
    else report.skip("everything", "it is not on this machine");
  });
}

/** What must hold of fairlead itself when all peers are through with it. */
async function afterwards({ fairlead }: Stage): Promise<void> {
  await report.case("has not logged an error of its own", () => {
    const errors = fairlead.process
      .said()
      .split("\n")
      .filter((line) => / ERROR /.test(line));
    if (errors.length > 0) throw new Error(errors.slice(0, 20).join("\n"));
  });
  await report.case("stops when it is told to, with exit code 0", async () => {
    fairlead.process.signal("SIGTERM");
    const code = await fairlead.process.ended;
    if (code !== 0) throw new Error(`exit code ${code}: ${fairlead.process.said().slice(-2000)}`);
  });
}
