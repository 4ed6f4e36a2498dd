// Applications between two hops of fairlead that know nothing of it: OpenTelemetry's SDK passes the baggage on, and with it override and deadline.
import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { ask } from "../ask.ts";
import { Discovery } from "../fairlead.ts";
import { nodeWith, pythonWith } from "../libraries.ts";
import { freePort } from "../processes.ts";
import { startSidecar } from "../sidecar.ts";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";
import { GO } from "./grpc.ts";

const PYTHON = pythonWith(
  "flask, opentelemetry.instrumentation.flask, opentelemetry.instrumentation.requests, opentelemetry.sdk",
  "opentelemetry-distro==0.66b1",
  "opentelemetry-instrumentation-flask==0.66b1",
  "opentelemetry-instrumentation-requests==0.66b1",
  "flask==3.1.3",
  "requests==2.34.2",
);
const NODE = nodeWith(
  "@opentelemetry/api@1.9.1",
  "@opentelemetry/sdk-trace-node@2.12.1",
  "@opentelemetry/instrumentation@0.223.0",
  "@opentelemetry/instrumentation-http@0.223.0",
);
/** What the agent of Python would send to a collector. */
const NO_EXPORT = { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" };
/** The services behind the second hop. */
const USERS = "otel-users";
const USERS_V2 = "otel-users-v2";
/** How long the router of the third port gives a request. */
const TOTAL_MS = 2000;

/** The ports of both hops. */
interface Hops {
  /** `overrides.baggage: follow`. */
  readonly edge: string;
  /** `overrides.baggage: always`, and a timeout. */
  readonly always: string;
  /** For strangers. */
  readonly strangers: string;
  /** The second hop. */
  readonly outbound: string;
  readonly disco: Discovery;
}

/** All applications share them. */
let hops: Promise<Hops> | null = null;

export const openTelemetry: readonly Peer[] = [
  {
    name: "OpenTelemetry: Python",
    named: true,
    needs: [PYTHON],
    run: (stage, python = "") => {
      const agent = join(python, "../opentelemetry-instrument");
      return check(stage, "web-python", false, () => {
        return { command: agent, args: [python, program("otel/python/app.py")], env: NO_EXPORT };
      });
    },
  },
  {
    name: "OpenTelemetry: Node",
    named: true,
    needs: [NODE],
    run: (stage) =>
      check(stage, "web-node", true, () => {
        return { command: process.execPath, args: [program("otel/node/app.cjs")], env: { NODE_PATH: NODE.path } };
      }),
  },
  {
    name: "OpenTelemetry: Go",
    named: true,
    needs: [GO],
    async run(stage, go = "") {
      const binary = join(stage.directory("otel"), "web-go");
      const options = { cwd: program("otel/go"), timeoutMs: 180_000 };
      const { code, stderr } = await stage.processes.run(go, ["build", "-o", binary, "."], options);
      if (code !== 0) throw new Error(`go build: ${stderr.slice(0, 2000)}`);
      await check(stage, "web-go", true, () => ({ command: binary, args: [] }));
    },
  },
];

async function startHops(stage: Stage): Promise<Hops> {
  const disco = new Discovery(join(stage.directory("otel"), "disco"));
  for (const name of [USERS, USERS_V2]) disco.put(name.slice(5), [(await stage.serveNode(name, false)).port]);
  const namers = [{ kind: "io.l5d.fs", rootDir: disco.directory }];
  const router = { protocol: "http", dtab: "/svc => /#/io.l5d.fs;" };
  const [edge, always, strangers, outbound] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const server = (port: number, rest: object = {}) => [{ ip: "127.0.0.1", port, ...rest }];
  await startSidecar(stage, "otel-first-hop", {
    namers,
    routers: [
      { ...router, label: "edge", servers: [...server(edge), ...server(strangers, { clearContext: true })] },
      {
        ...router,
        label: "always",
        service: { totalTimeoutMs: TOTAL_MS },
        servers: server(always, { overrides: { baggage: "always" } }),
      },
    ],
  });
  await startSidecar(stage, "otel-second-hop", { namers, routers: [{ ...router, servers: server(outbound) }] });
  const at = (port: number) => `127.0.0.1:${port}`;
  return { edge: at(edge), always: at(always), strangers: at(strangers), outbound: at(outbound), disco };
}

/** What the application says of its own question. */
interface Told {
  readonly status: number;
  readonly cause: string | null;
  readonly body: string;
}

/** Starts the application, and asks it through the first hop for what it gets through the second. */
async function check(stage: Stage, web: string, keepsProperties: boolean, start: () => Launch): Promise<void> {
  const { always, disco, edge, outbound, strangers } = await (hops ??= startHops(stage));
  const launch = start();
  const env = { ...launch.env, PROXY: outbound };
  const { port } = await stage.serve(web, () => ({ ...launch, env }), false);
  disco.put(web, [port]);
  const { report } = stage;

  const through = async (first: string, path: string, headers: Record<string, string> = {}, page = "call") => {
    const { status, text } = await ask(first, web, `/${page}?path=${encodeURIComponent(path)}`, { headers });
    return status === 200 ? (JSON.parse(text) as Told) : { status, cause: null, body: text };
  };
  const whoAnswers = async (...args: Parameters<typeof through>) => (await through(...args)).body.trimEnd();
  /** The fields with which the last service was asked. */
  const seen = async (first: string, headers: Record<string, string> = {}) => {
    const { body } = await through(first, "/headers", headers);
    return JSON.parse(body) as Record<string, string | undefined>;
  };
  const v2 = "fairlead-dtab=/svc/users%3D>/svc/users-v2";

  await report.case("without an override the service of production is asked, and no baggage is made", async () => {
    equal(await whoAnswers(edge, "/hello"), `${USERS} hello`);
    const { baggage, traceparent } = await seen(edge);
    equal(baggage, undefined);
    match(traceparent ?? "", /^00-/, "its SDK is at work");
  });

  await report.case("an override in baggage reaches the second hop, for that request only", async () => {
    equal(await whoAnswers(edge, "/hello", { baggage: v2 }), `${USERS_V2} hello`);
    equal(await whoAnswers(edge, "/hello"), `${USERS} hello`);
  });

  await report.case("an override in l5d-dtab does, too, in the baggage that the first hop makes", async () => {
    equal(await whoAnswers(edge, "/hello", { "l5d-dtab": "/svc/users => /svc/users-v2" }), `${USERS_V2} hello`);
    const two = { baggage: v2, "l5d-dtab": "/svc/users-v2 => /svc/old ; /svc/old => /#/io.l5d.fs/users" };
    equal(await whoAnswers(edge, "/hello", two), `${USERS} hello`, "rules of both");
  });

  await report.case("an override that is set in its code reaches the second hop", async () => {
    equal(await whoAnswers(edge, "/hello", {}, "try"), `${USERS_V2} hello`);
    equal(await whoAnswers(edge, "/hello", { baggage: "tenant=7" }, "try"), `${USERS_V2} hello`);
  });

  await report.case("strangers override nothing, and their own members pass", async () => {
    const headers = { baggage: `tenant=7,${v2}` };
    equal(await whoAnswers(strangers, "/hello", headers), `${USERS} hello`);
    const { baggage } = await seen(strangers, headers);
    equal(baggage, "tenant=7");
  });

  await report.case("a broken override is answered 400, to the application, too", async () => {
    const told = await ask(edge, web, "/call?path=/hello", { headers: { baggage: "fairlead-dtab=/svc%3D>" } });
    deepEqual(
      [told.status, told.headers["fairlead-cause"]?.toString().split(";")[0]],
      [400, "downstream.context.bad-dtab"],
    );
  });

  await report.case(
    `members of others arrive with their values${keepsProperties ? " and properties" : ""}`,
    async () => {
      const others = "tenant=7;private;ttl=60,city=K%C3%B6ln%2C%20Ehrenfeld,rate=100%25";
      const members = membersOf(await seen(edge, { baggage: `${others},${v2}` }));
      equal(members.get("city"), "Köln, Ehrenfeld");
      equal(members.get("rate"), "100%");
      equal(members.get("fairlead-dtab"), "/svc/users=>/svc/users-v2");
      equal(members.get("tenant"), "7;private;ttl=60");
    },
  );

  const nowNs = () => BigInt(Math.round(performance.timeOrigin + performance.now())) * 1_000_000n;
  const deadline = (begunNs: bigint, afterMs: number) => `${begunNs} ${begunNs + BigInt(afterMs) * 1_000_000n}`;
  const inBaggage = (text: string) => ({ baggage: `tenant=7,fairlead-deadline=${encodeURIComponent(text)}` });

  await report.case("a deadline in baggage reaches the last service, with the time that is left", async () => {
    const before = nowNs();
    const fields = await seen(edge, inBaggage(deadline(before, 5000)));
    const inHeader = fields["l5d-ctx-deadline"] ?? "";
    const [fromNs = 0n, untilNs = 0n] = inHeader.split(" ").map(BigInt);
    const leftMs = Number(untilNs - fromNs) / 1e6;
    equal(leftMs > 4000 && leftMs <= 5000 && fromNs >= before && fromNs <= nowNs(), true, inHeader);
    equal(membersOf(fields).get("fairlead-deadline"), inHeader);
  });

  await report.case("and is held to there: the application is told in time", async () => {
    const started = performance.now();
    const headers = inBaggage(deadline(nowNs(), 400));
    const { cause, status } = await through(`127.0.0.1:${port}`, "/wait?ms=5000", headers);
    deepEqual([status, cause?.split(";")[0]], [503, "proxy.timeout.deadline"]);
    const tookMs = performance.now() - started;
    equal(tookMs > 300 && tookMs < 3000, true, `it took ${tookMs} ms`);
  });

  await report.case(
    "with overrides.baggage: always the timeout of the first hop is one, the earliest of all holds",
    async () => {
      const before = nowNs();
      for (const [headers, atMostMs] of [
        [{}, TOTAL_MS],
        [inBaggage(deadline(before, 60_000)), TOTAL_MS],
        [inBaggage(deadline(before, 1000)), 1000],
      ] as const) {
        const [, endNs = "0"] = (membersOf(await seen(always, headers)).get("fairlead-deadline") ?? "").split(" ");
        const leftMs = Number(BigInt(endNs) - before) / 1e6;
        equal(leftMs >= atMostMs && leftMs < atMostMs + 500, true, `${leftMs} ms instead of ${atMostMs}`);
      }
    },
  );
}

/** What the members of a baggage say; applications may write a blank as "+". */
function membersOf({ baggage = "" }: Record<string, string | undefined>): Map<string, string> {
  const members = baggage.split(",").map((member) => member.split(/=(.*)/));
  return new Map(members.map(([name = "", value = ""]) => [name, decodeURIComponent(value.replaceAll("+", " "))]));
}
