// What the admin server answers: one row per endpoint. The list at `/admin`, the words of a 404 and docs/admin.md are made from it.
import type { LocalAnswer } from "../protocols/http1/local-answer.ts";
import { text } from "./answers.ts";
import type { Parameters } from "./parameters.ts";
import type { Subject } from "./subject.ts";
import { delegator } from "./views/delegator.ts";
import { loggers, loggingPage, setLevel, setLevelOnPage } from "./views/logging.ts";
import { fairleadMetrics, influxdb, metrics, noPrometheus, prometheus } from "./views/metrics.ts";
import { overview } from "./views/overview.ts";
import { requestsJson, requestsPage } from "./views/requests.ts";
import { boundNames, clientState, config, namerState, ready, stacks, workers } from "./views/state.ts";

/** What a request asks of an endpoint. */
export interface Asked {
  /** Of the query, and of a body. */
  readonly parameters: Parameters;
  /** What stood in the place of `<…>`; empty for other paths. */
  readonly name: string;
  /** The headers of these names. */
  readonly accept: string | undefined;
  readonly host: string | undefined;
  /** Everything the server shows. */
  readonly routes: readonly Route[];
}

type Answering = (subject: Subject, asked: Asked) => LocalAnswer | Promise<LocalAnswer>;

/** What an endpoint is for: people, changes, monitoring (linkerd1 §7.5). */
export type Category = "ui" | "control" | "diagnostics";

/** One endpoint. */
export interface Route {
  /** `<…>` stands for any text. */
  readonly path: string;
  /** One sentence. */
  readonly doc: string;
  /** Of which `admin.security` says whether it is served. */
  readonly category: Category;
  /** That of POST, where it is another. */
  readonly postCategory?: Category;
  /** Parameters by name, each with half a sentence. */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly get?: Answering;
  readonly post?: Answering;
  /** Left out of the list: another name of something in it, or not there at all. */
  readonly hidden?: boolean;
}

const WORKER_PARAMETER = { worker: "only what the worker of this number counts" };

const METRIC_PARAMETERS = {
  ...WORKER_PARAMETER,
  q: "only names that begin with this",
  tree: "`1` for nested objects",
  pretty: "`1` for indented and sorted text",
};

const NAME_PARAMETERS = {
  path: "the name to explain, such as `/svc/users`",
  namespace: "the label of a router; not needed when there is only one",
  dtab: "a delegation table to use instead of the router's",
  override: "entries that come after and win, as an `l5d-dtab` header brings them",
};

const LEVEL_PARAMETERS = {
  logger: "with POST: whose level to set",
  level: "with POST: TRACE, DEBUG, INFO, WARN, ERROR or OFF",
};

const getMetrics: Answering = (subject, { parameters }) => metrics(subject, parameters);
const explain: Answering = (subject, { parameters }) => delegator(subject, parameters);
const list: Answering = (_subject, { routes }) => text(200, listOf(routes));

const DEFAULT_PROMETHEUS = "/admin/metrics/prometheus";

const INFLUXDB = "/admin/metrics/influxdb";
const REQUESTS = "/requests";
const REQUESTS_JSON = "/requests.json";

/** All endpoints but those whose paths the configuration chooses. */
const OWN: readonly Route[] = [
  {
    path: "/",
    doc: "A page with what every router does, renewed once a second.",
    category: "ui",
    get: (subject, { routes }) => overview(subject, routes),
  },
  { path: "/admin", doc: "This list.", category: "diagnostics", get: list },
  { path: "/admin/index.txt", doc: "The list of endpoints.", category: "diagnostics", get: list, hidden: true },
  {
    path: "/admin/ping",
    doc: "`pong`, as long as the process lives.",
    category: "diagnostics",
    get: () => text(200, "pong"),
  },
  {
    path: "/admin/ready",
    doc: "200 while requests are welcome; 503, and why, from the moment that a stop was asked for.",
    category: "diagnostics",
    get: ready,
  },
  { path: "/admin/metrics.json", doc: "All metrics.", category: "ui", parameters: METRIC_PARAMETERS, get: getMetrics },
  {
    path: "/admin/metrics",
    doc: "All metrics.",
    category: "ui",
    parameters: METRIC_PARAMETERS,
    get: getMetrics,
    hidden: true,
  },
  {
    path: "/metrics.json",
    doc: "All metrics.",
    category: "ui",
    parameters: METRIC_PARAMETERS,
    get: getMetrics,
    hidden: true,
  },
  {
    path: INFLUXDB,
    doc: "All metrics in the line protocol of InfluxDB, as Linkerd 1.x has it; needs the telemeter `io.l5d.influxdb`.",
    category: "diagnostics",
    parameters: WORKER_PARAMETER,
    get: (subject, asked) => influxdb(subject, asked),
  },
  {
    path: "/config.json",
    doc: "The configuration as it was written, variables unexpanded.",
    category: "ui",
    get: config,
  },
  {
    path: "/delegator.json",
    doc: "How a name is resolved, step by step, each with the rule or namer that made it. POST takes the parameters as form or JSON.",
    category: "ui",
    parameters: NAME_PARAMETERS,
    get: explain,
    post: explain,
  },
  {
    path: "/bound-names.json",
    doc: "The names that the configured namers could bind right now.",
    category: "diagnostics",
    get: boundNames,
  },
  {
    path: "/client_state.json",
    doc: "Every active client: what discovery said of it, and health, load and connections of its endpoints.",
    category: "diagnostics",
    get: clientState,
  },
  {
    path: "/namer_state/<prefix>.json",
    doc: "What the namers of a prefix, such as `io.l5d.fs`, watch, and what they saw last.",
    category: "diagnostics",
    get: (subject, { name }) => namerState(subject, name),
  },
  {
    path: "/workers.json",
    doc: "The event loops that requests are shared out to; empty when there is only one.",
    category: "diagnostics",
    get: workers,
  },
  {
    path: "/admin/workers/replace",
    doc: "Ends a worker at once, with what it is doing, and begins another in its place: to see what that does.",
    category: "control",
    parameters: { worker: "its number, as `/workers.json` has it" },
    post: (subject, { parameters }) => replaceWorker(subject, parameters),
  },
  {
    path: REQUESTS,
    doc: "A page with the last requests of a sample: who asked for what, where it went, why there, and how that ended; JSON for those who `Accept` that. Needs the telemeter `io.l5d.recentRequests`.",
    category: "diagnostics",
    get: (subject, asked) => requestsPage(subject, asked),
  },
  {
    path: REQUESTS_JSON,
    doc: "The same as JSON.",
    category: "diagnostics",
    get: (subject) => requestsJson(subject),
  },
  {
    path: "/routers/<label>/stack.json",
    doc: "The filters that requests of a router pass, outermost first, with their parameters.",
    category: "diagnostics",
    get: (subject, { name }) => stacks(subject, name),
  },
  {
    path: "/logging.json",
    doc: "Log levels. POST takes its parameters from the query, a form or JSON, and answers with the new list.",
    category: "control",
    parameters: LEVEL_PARAMETERS,
    get: loggers,
    post: (subject, { parameters }) => setLevel(subject, parameters),
  },
  {
    path: "/logging",
    doc: "A page to see and set log levels.",
    category: "ui",
    postCategory: "control",
    get: loggingPage,
    post: (subject, { parameters }) => setLevelOnPage(subject, parameters),
  },
  {
    path: "/admin/access-logs/reopen",
    doc: "Closes the access log files and opens them again by their paths, as SIGUSR2 does, for whoever has moved them away.",
    category: "control",
    post: reopen,
  },
  {
    path: "/admin/reload",
    doc: "Reads the configuration file again, as SIGHUP does, and answers when it is in force; 422, and why, for a file that cannot be used, in which case the one before stays in force.",
    category: "control",
    post: reload,
  },
  {
    path: "/admin/restart",
    doc: "Starts the program anew in a process that takes the listening sockets over, and ends this one when it has finished what is in progress; answers when the new one serves.",
    category: "control",
    post: restart,
  },
  {
    path: "/admin/shutdown",
    doc: "Stops the process gracefully: requests in progress have `admin.shutdownGraceMs` to finish.",
    category: "control",
    post: shutDown,
  },
];

/** Gives way to an exporter of the same path: there are configurations that have put theirs there. */
const METRICS: Route = {
  path: "/metrics",
  doc: "All metrics for Prometheus as `fairlead_*`, in its text format, or as OpenMetrics for those who `Accept` that.",
  category: "diagnostics",
  parameters: WORKER_PARAMETER,
  get: (subject, { accept, parameters }) => fairleadMetrics(subject, accept, parameters),
};

/** Paths that exporters cannot have. */
export function isOwnPath(path: string): boolean {
  return findRoute(OWN, path) !== undefined;
}

/** The endpoints of one server. Where exporters are was checked with the configuration. */
export function routesOf(subject: Subject): readonly Route[] {
  const routes = OWN.map((route) => (isThere(route, subject) ? route : { ...route, hidden: true }));
  for (const settings of subject.prometheus) {
    routes.push(prometheusRoute(settings.path, (of, { parameters }) => prometheus(of, settings, parameters)));
  }
  if (!routes.some((route) => route.path === METRICS.path)) routes.push(METRICS);
  if (!routes.some((route) => route.path === DEFAULT_PROMETHEUS)) {
    routes.push({ ...prometheusRoute(DEFAULT_PROMETHEUS, noPrometheus), hidden: true });
  }
  return routes;
}

/** Some say only why there is nothing, and are not told of. */
function isThere({ path }: Route, { telemeters }: Subject): boolean {
  if (path === INFLUXDB) return telemeters.influxdb;
  return (path !== REQUESTS && path !== REQUESTS_JSON) || telemeters.recent !== null;
}

function prometheusRoute(path: string, get: Answering): Route {
  const doc =
    "All metrics in the text format of Prometheus, with the names of Linkerd 1.x; needs the telemeter `io.l5d.prometheus`.";
  return { path, doc, category: "diagnostics", get };
}

/** The endpoints as docs/admin.md lists them. */
export const documentedRoutes: readonly Route[] = [...OWN, METRICS, prometheusRoute(DEFAULT_PROMETHEUS, noPrometheus)];

/** An endpoint, and what stood in the place of `<…>`. */
export interface Found {
  readonly route: Route;
  /** As it was sent, escapes included. */
  readonly name: string;
}

/** The endpoint of a path, or undefined. */
export function findRoute(routes: readonly Route[], path: string): Found | undefined {
  for (const route of routes) {
    const [before, after] = route.path.split(/<[^>]*>/, 2);
    if (after === undefined ? path === before : isBetween(path, before ?? "", after)) {
      return { route, name: after === undefined ? "" : path.slice((before ?? "").length, path.length - after.length) };
    }
  }
  return undefined;
}

function isBetween(path: string, before: string, after: string): boolean {
  return path.length > before.length + after.length && path.startsWith(before) && path.endsWith(after);
}

/** The methods of an endpoint, as `Allow` lists them. */
export function methodsOf({ get, post }: Route): readonly string[] {
  return [...(get === undefined ? [] : ["GET", "HEAD"]), ...(post === undefined ? [] : ["POST"])];
}

/** One line per endpoint. */
export function listOf(routes: readonly Route[]): string {
  const shown = routes.filter((route) => route.hidden !== true);
  const lines = shown.map((route) => {
    const methods = methodsOf(route).filter((method) => method !== "HEAD");
    return `${methods.join(", ").padEnd(10)}${route.path.padEnd(30)}${route.doc.replaceAll("`", "")}\n`;
  });
  return lines.join("");
}

function shutDown(subject: Subject): LocalAnswer {
  const graceMs = subject.shutDown();
  return text(200, `stopping; requests in progress have ${graceMs} ms to finish\n`);
}

function replaceWorker(subject: Subject, parameters: Parameters): LocalAnswer {
  const written = parameters.required("worker", "the number of a worker, such as 0");
  const worker = subject.workers().find(({ index }) => String(index) === written);
  if (worker === undefined) return text(404, `there is no worker ${written.slice(0, 20)}\n`);
  if (subject.endWorker(worker.index)) return text(200, `worker ${written} is ended; another takes its place\n`);
  return text(409, `worker ${written} is gone already; another takes its place\n`);
}

async function reload(subject: Subject): Promise<LocalAnswer> {
  const result = await subject.reload();
  if (result === null) return text(409, "there is no configuration file that could be read again\n");
  if (result.at === "unchanged") return text(200, "the file is as it was; nothing has changed\n");
  if (result.at === "reloaded") return text(200, `in force, after ${Math.round(result.tookMs)} ms\n`);
  return text(422, `the configuration before stays in force:\n${result.message}\n`);
}

async function restart(subject: Subject): Promise<LocalAnswer> {
  const result = await subject.restart();
  if (result === null) return text(409, "this process cannot be replaced: it was not started by `fairlead run`\n");
  if (result.at === "serving") return text(200, `process ${result.pid} serves; this one ends\n`);
  return text(500, `this process serves on: the new one cannot take over, for ${result.message}\n`);
}

async function reopen(subject: Subject): Promise<LocalAnswer> {
  const files = await subject.reopenAccessLogs();
  if (files.length === 0) return text(200, "there is no access log\n");
  const lines = files.map(
    ({ path, reopened }) => `${path} ${reopened ? "is open again" : "cannot be opened; see the log"}\n`,
  );
  return text(files.every((file) => file.reopened) ? 200 : 500, lines.join(""));
}
