import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { Dtab } from "../../core/dtab.ts";
import { Constant, Source, type Var } from "../../core/var.ts";
import type { Delegation } from "../../naming/delegation.ts";
import type { NameInterpreter } from "../../naming/interpreter.ts";
import { NamerTable } from "../../naming/namer-table.ts";
import { LocalProblem } from "../../protocols/http1/local-answer.ts";
import { Log } from "../../telemetry/log.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { dtabFrom } from "../../naming/dtab-parser.ts";
import { Parameters } from "../parameters.ts";
import type { RouterSubject, Subject } from "../subject.ts";
import { delegator } from "./delegator.ts";

const neg: Delegation = { type: "neg", path: "/svc/web" };
const pending: Delegation = { type: "pending", path: "/svc/web" };

const mute: NameInterpreter = { live: () => expect.fail("nothing is bound here") };

const router = (label: string, dtab: Dtab | undefined): RouterSubject => ({
  label,
  protocol: "http",
  interpreter: mute,
  dtab: () => dtab,
  dtabProblem: () => undefined,
  servers: [],
  clientIds: () => [],
  client: () => undefined,
  pathStacks: () => [],
  clientStacks: () => [],
});

/** A proxy whose interpreter explains every name as told. */
function setUp(explanation: Var<Delegation>, routers = [router("http", dtabFrom("/svc => /srv"))]) {
  const env = new ManualEnv();
  const asked: string[] = [];
  const interpreter: NameInterpreter = {
    live: () => expect.fail("nothing is bound here"),
    delegate: (base, local, path) => {
      asked.push(`${base.show()} + ${local.show()} + ${path.show()}`);
      return explanation;
    },
  };
  const subject: Subject = {
    version: "0",
    env,
    log: new Log(env.clock, () => undefined),
    metrics: async () => new MetricsRegistry(env).root,
    declared: [],
    config: null,
    prometheus: [],
    telemeters: { influxdb: false, recent: null },
    namers: new NamerTable([], []),
    routers: async () => routers.map((one) => ({ ...one, interpreter })),
    identify: async () => [],
    readiness: () => ({ ready: true, detail: "ready" }),
    reopenAccessLogs: async () => [],
    reload: async () => null,
    restart: async () => null,
    workers: () => [],
    endWorker: () => false,
    shutDown: () => 0,
  };
  const ask = async (query: string) => {
    const answer = await delegator(subject, Parameters.fromForm(query, "the query"));
    return JSON.parse([...answer.body].join("")) as unknown;
  };
  return { env, asked, subject, ask };
}

const problemOf = (asked: Promise<unknown>) =>
  asked.then(
    () => "an answer",
    (error: unknown) => (error instanceof LocalProblem ? `${error.status} ${error.message}` : error),
  );

test("A name is explained by the table of its router, or by the one that is sent", async () => {
  const { asked, ask } = setUp(new Constant(neg));
  expect(await ask("path=/svc/web")).toEqual(neg);
  await ask("path=/svc/web&namespace=http&dtab=/svc=>/other");
  await ask("path=/svc/web&dtab=");
  await ask("path=/svc/web&override=/svc=>/other");
  expect(asked).toEqual([
    "/svc=>/srv +  + /svc/web",
    "/svc=>/other +  + /svc/web",
    " +  + /svc/web",
    "/svc=>/srv + /svc=>/other + /svc/web",
  ]);
});

test.for([
  ["", '400 the parameter "path" is missing: the name to explain, such as /svc/users'],
  ["path=svc", '400 path, line 1, column 1: a path begins with "/": [s]vc'],
  ["path=/svc/web&dtab=/svc%3D%3E", "400 dtab, line 1, column 7: "],
  ["path=/svc/web&namespace=tcp", '404 there is no router labelled "tcp"; there are: http'],
] as const)("What is asked with %s is refused in words", async ([query, message]) => {
  expect(await problemOf(setUp(new Constant(neg)).ask(query))).toContain(message);
});

test("With several routers one must be named", async () => {
  const { ask } = setUp(new Constant(neg), [router("a", Dtab.empty), router("b", Dtab.empty)]);
  expect(await problemOf(ask("path=/svc/web"))).toBe(
    '400 the parameter "namespace" is missing: the label of a router, one of a, b',
  );
  expect(await ask("path=/svc/web&namespace=b")).toEqual(neg);
});

test("A table that is not known yet is no table", async () => {
  const { ask } = setUp(new Constant(neg), [router("http", undefined)]);
  expect(await problemOf(ask("path=/svc/web"))).toBe("503 router http has no delegation table: it is not known yet");
});

test("What is pending is waited for", async () => {
  const explanation = new Source<Delegation>(pending);
  const { env, ask } = setUp(explanation);
  const answer = ask("path=/svc/web");
  env.advance(1_999);
  explanation.set(neg);
  expect(await answer).toEqual(neg);
  await Promise.resolve();
  expect([explanation.observerCount, env.pendingTimers]).toEqual([0, 0]);
});

test("What stays pending for two seconds is given up", async () => {
  const explanation = new Source<Delegation>(pending);
  const { env, ask } = setUp(explanation);
  const problem = problemOf(ask("path=/svc/web"));
  await new Promise((resolve) => void setImmediate(resolve)); // the routers are asked for first
  env.advance(2_000);
  expect(await problem).toBe("503 discovery did not answer within 2000 ms; parts of the name are still pending");
  expect(explanation.observerCount).toBe(0);
});

test("An interpreter that cannot explain says so", async () => {
  const { subject } = setUp(new Constant(neg));
  const muted = { ...subject, routers: async () => [router("http", dtabFrom(""))] };
  expect(await problemOf(delegator(muted, Parameters.fromForm("path=/svc/web", "the query")))).toBe(
    "501 the interpreter of router http cannot explain names",
  );
});
