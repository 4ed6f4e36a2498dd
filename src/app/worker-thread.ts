// A worker thread: a data plane of its own, which control configures and answers by messages.
import { enableCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { systemEnv } from "../base/env.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Http1 } from "../protocols/http1/protocol.ts";
import { Http2 } from "../protocols/http2/protocol.ts";
import { Log } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { snapshotOf } from "../telemetry/snapshot.ts";
import { Tracing } from "../telemetry/tracing.ts";
import { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import { DataPlane, type PlaneChange } from "./data-plane.ts";
import { identify } from "./identify.ts";
import { routerDump } from "./router-dump.ts";
import { LiveShare } from "./share.ts";
import { sockets } from "./sockets.ts";
import { WorkerAccessLogs } from "./worker-access-logs.ts";
import { TracedBatches } from "./worker-tracing.ts";
import { type Answer, type FromWorker, plainError, type ToWorker, type WorkerStart } from "./worker-messages.ts";

/** How often control hears that we live, and what there is to know. */
const PULSE_MS = 250;
/** Every so many pulses it gets all figures, so that those of a thread that dies are not lost. */
const PULSES_PER_SNAPSHOT = 20;

const { compileCache, index, inherited, levels, share: firstShare } = workerData as WorkerStart; // `WorkerLink` starts this file
if (compileCache !== "") enableCompileCache(compileCache);
const port = parentPort!; // this is a thread
const post = (message: FromWorker): void => port.postMessage(message);

const env = systemEnv();
const log = new Log(env.clock, (line) => post({ type: "log", line }));
for (const { level, name } of levels) {
  log.logger(name);
  log.setLevel(name, level);
}
const broken = log.logger("loop");
const loop = new DataLoop(env, (error) => broken.error("an error of the proxy at the end of a turn", error));
const handedOver = InheritedSockets.ofWorker(inherited);
const transport = await sockets(loop, log.logger("transport"), handedOver);
const metrics = new MetricsRegistry(env);
const share = new LiveShare(firstShare);
const accessLogs = new WorkerAccessLogs(env, loop, post);
const traced = new TracedBatches(env, post);
const tracing = new Tracing({ loop, clock: env.clock, take: (request) => traced.add(request) });
const plane = new DataPlane({
  env,
  loop,
  http1: new Http1(loop, transport),
  http2: new Http2(loop, transport),
  metrics,
  log,
  share,
  ports: {},
  send: (message) => post({ type: "control", message }),
  exchangeLog: (router) => accessLogs.of(router),
  tracing,
  closed: (key) => post({ type: "closed", key }),
  tripped: (trip) => post({ type: "tripped", ...trip }),
});

/** What is prepared. */
let change: PlaneChange | null = null;
let pulses = 0;
const pulse = env.timers.every(PULSE_MS, () => tell(++pulses % PULSES_PER_SNAPSHOT === 0));
/** The plan that is being put in force, if any. */
let configuring: Promise<unknown> = Promise.resolve();

// What ends with an error that nobody has caught can still say what it knows; what is terminated or out of memory cannot.
process.on("exit", () => {
  accessLogs.flush();
  traced.flush();
  tell(true);
});

/** What is prepared, and will not be. */
async function drop(): Promise<void> {
  const prepared = change;
  change = null;
  if (prepared !== null) await (configuring = plane.drop(prepared));
}

function tell(whole: boolean): void {
  post({ type: "pulse", active: plane.active, metrics: whole ? snapshotOf(metrics.root) : null });
}

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "bound":
    case "unbound":
    case "endpoints":
      return plane.receive(message);
    case "tripped":
      return plane.follow(message);
    case "share":
      return share.change(message.share);
    case "trace":
      return tracing.follow(message.samplers);
    case "level":
      log.logger(message.name); // control may know of it first
      return void log.setLevel(message.name, message.level);
    case "leave":
      return plane.leave();
    case "step-aside":
      return plane.stepAside();
    case "abandon":
      return plane.abandon(message.graceMs);
    case "prepare":
      return answer(message.question, async () => {
        plane.ports = message.ports;
        const preparing = plane.prepare(message.plans);
        configuring = preparing;
        change = await preparing;
        return { to: "prepare", ports: plane.chosenPorts(change) };
      });
    case "commit":
      return answer(message.question, async () => {
        const prepared = change;
        change = null;
        if (prepared !== null) await (configuring = plane.commit(prepared));
        handedOver.closeLeftovers();
        return { to: "commit" };
      });
    case "drop":
      return answer(message.question, async () => {
        await drop();
        return { to: "drop" };
      });
    case "metrics":
      return answer(message.question, async () => ({ to: "metrics", tree: snapshotOf(metrics.root) }));
    case "sockets":
      return answer(message.question, async () => ({ to: "sockets", sockets: plane.sockets() }));
    case "routers":
      return answer(message.question, async () => ({
        to: "routers",
        dumps: plane.routers.map((running) => routerDump(running, env.clock.nowMs(), index)),
      }));
    case "identify":
      return answer(message.question, async () => ({
        to: "identify",
        names: identify(plane.routers, message.head, env.clock),
      }));
    case "drain":
      return answer(message.question, async () => {
        await configuring.catch(() => undefined); // or a listener would open behind our back
        await drop();
        await plane.drain(message.patienceMs);
        return { to: "drain" };
      });
    case "close":
      return answer(message.question, async () => {
        plane.close();
        accessLogs.flush();
        traced.flush();
        metrics[Symbol.dispose]();
        pulse.cancel();
        return { to: "close" };
      });
  }
});

function answer(question: number, work: () => Promise<Answer>): void {
  void work().then(
    (value) => post({ type: "answer", question, value }),
    (error: unknown) => post({ type: "failed", question, error: plainError(error) }),
  );
}
