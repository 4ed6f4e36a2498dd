// Every metric there is, once, with its sentence. `docs/metrics.md` is printed from this; a test finds metrics that are missing here.

/** A family of metrics: one pattern of names, with a variable such as `<router>` for each part that varies. */
export interface MetricDoc {
  /** Scopes joined by slashes. `<x>` is any one scope, `<x…>` one or more; one scope may itself contain slashes. */
  readonly pattern: string;
  readonly kind: "counter" | "gauge" | "stat";
  /** What one unit is; `1` for plain counts. */
  readonly unit: "1" | "ms" | "bytes" | "ratio";
  readonly doc: string;
  /** Its last part where metrics are named `fairlead_*`, if the pattern does not make a good name; without unit. */
  readonly as?: string;
  /** Its sentence there, if it is another. */
  readonly help?: string;
  /** A gauge that never falls: a counter where names need not be Linkerd's. */
  readonly grows?: true;
}

type Row = readonly [
  name: string,
  kind: MetricDoc["kind"],
  unit: MetricDoc["unit"],
  doc: string,
  more?: Pick<MetricDoc, "as" | "help" | "grows">,
];

const SERVER = "rt/<router>/server/<address>";
const SERVICE = "rt/<router>/service/<path>";
const OVERRIDDEN = "rt/<router>/overridden/<path>";
const CLIENT = "rt/<router>/client/<bound>";

const REQUESTS: readonly Row[] = [
  ["requests", "counter", "1", "Requests that ended, well or badly: success plus failures."],
  ["success", "counter", "1", "Requests the response classifier called successful."],
  ["failures", "counter", "1", "Requests the response classifier called failed, or that got no answer."],
  [
    "request_latency_ms",
    "stat",
    "ms",
    "Time from the request's head to the end of a short answer or the head of a streamed one.",
  ],
];

const CAUSES: readonly Row[] = [
  [
    "failures/<cause…>",
    "counter",
    "1",
    "Failed requests by cause; `fairlead explain CAUSE` says what each one means.",
    { as: "failures_by_cause" },
  ],
];

const PENDING: readonly Row[] = [["pending", "gauge", "1", "Requests in progress."]];

const STATUS: readonly Row[] = [
  [
    "status/<code>",
    "counter",
    "1",
    "Answers by status code, and by class as 1XX to 5XX; `error` for requests without an answer.",
    { as: "responses", help: "Answers by status code; `error` for requests without an answer." },
  ],
];

const TRAFFIC: readonly Row[] = [
  ["connections", "gauge", "1", "Open connections."],
  ["connects", "counter", "1", "Connections opened since the start."],
  ["sent_bytes", "counter", "bytes", "Bytes written to connections."],
  ["received_bytes", "counter", "bytes", "Bytes read from connections."],
  ["connection_duration", "stat", "ms", "Life time of connections that ended."],
  ["closes", "counter", "1", "Connections that ended."],
];

const ACCEPTED: readonly Row[] = [["connection_requests", "stat", "1", "Requests carried by connections that ended."]];

const ONLY_SERVER: readonly Row[] = [
  ["load", "gauge", "1", "Requests in progress, as the admission limit counts them."],
  [
    "transit_latency_ms",
    "stat",
    "ms",
    "Age of requests that carry a deadline, when they arrive; by two clocks, when they come from another machine.",
  ],
  ["time/<class>", "stat", "ms", "Latency by class of status, 1XX to 5XX.", { as: "latency_by_class" }],
  [
    "context/unreadable",
    "counter",
    "1",
    "Values of l5d-ctx-deadline, grpc-timeout, l5d-sample and fairlead-deadline in baggage that could not be read; they count as absent.",
  ],
  [
    "overrides/denied",
    "counter",
    "1",
    "Entries of overrides that were dropped because no rule of overrides.allow covers them.",
  ],
  [
    "overrides/not_in_baggage",
    "counter",
    "1",
    "Requests whose override and deadline were not written to baggage, because the members of others leave no room.",
  ],
  ["dtab/size", "stat", "1", "Entries in the delegation table a request brought along.", { as: "dtab_entries" }],
];

const TUNNELS: readonly Row[] = [
  ["tunnels/active", "gauge", "1", "Connections that are tunnels: WebSockets and other upgrades, and CONNECT."],
  ["tunnels/opened", "counter", "1", "Connections that became tunnels."],
  ["tunnels/closed", "counter", "1", "Tunnels that ended."],
  ["tunnels/received_bytes", "counter", "bytes", "Bytes that callers sent through tunnels, counted when they end."],
  ["tunnels/sent_bytes", "counter", "bytes", "Bytes that callers got through tunnels, counted when they end."],
  ["tunnels/duration_ms", "stat", "ms", "How long tunnels that ended were open."],
];

const REQUEUES: readonly Row[] = [
  [
    "retries/requeues",
    "counter",
    "1",
    "Attempts made again because the one before was not processed, or lost its kept connection under an idempotent request.",
  ],
  ["retries/requeues_per_request", "stat", "1", "Requeues per request."],
  ["retries/budget", "gauge", "1", "Requeues the budget would allow now."],
  ["retries/budget_exhausted", "counter", "1", "Requeues the budget refused."],
  ["retries/request_limit", "counter", "1", "Requests that used up their share of the requeue budget."],
  ["retries/cannot_retry", "counter", "1", "Requeues not tried because no endpoint was ready."],
  ["retries/not_open", "counter", "1", "Acquisitions not repeated because no endpoint was ready."],
];

const RETRIES: readonly Row[] = [
  [
    "retries/total",
    "counter",
    "1",
    "Requests sent again because the classifier called their answer retryable.",
    { as: "retries" },
  ],
  ["retries/per_request", "stat", "1", "Retries per request, requeues not counted."],
  ["retries/budget", "gauge", "1", "Retries the budget would allow now."],
  ["retries/budget_exhausted", "counter", "1", "Retries the budget refused."],
  [
    "retries/backoffs_exhausted",
    "counter",
    "1",
    "Always 0, as in the original: no backoff that can be configured ends.",
  ],
  ["retries/max_exhausted", "counter", "1", "Retries refused because the request had been retried maxRetries times."],
  [
    "retries/response_stream_too_long",
    "counter",
    "1",
    "Answers that outgrew retryBufferSize.responseBytes before their end told whether they were failures; they are passed on.",
  ],
  [
    "retries/classification_timeout",
    "counter",
    "1",
    "Answers whose end did not come within classificationTimeoutMs; they are passed on.",
  ],
  [
    "retries/request_stream_too_long",
    "counter",
    "1",
    "Answers not held back because the request's body was too long to be repeated.",
  ],
  ["retries/cannot_replay", "counter", "1", "Retries not made because the request's body was gone."],
];

const NACKS: readonly Row[] = [
  [
    "nack_admission_control/dropped_requests",
    "counter",
    "1",
    "Requests refused here because the service refused most of those before.",
  ],
  [
    "nack_admission_control/ema_value",
    "gauge",
    "ratio",
    "Share of requests the service accepted, the last two minutes mostly; some are dropped below 0.5.",
    { as: "nack_admission_control_accepted" },
  ],
];

const CONCURRENCY: readonly Row[] = [
  [
    "concurrency_limit/limit",
    "gauge",
    "1",
    "Requests that may be in progress, as the latency has it at the moment.",
    { as: "concurrency_limit" },
  ],
  ["concurrency_limit/inflight", "gauge", "1", "Requests in progress, as the limit counts them."],
  [
    "concurrency_limit/min_rtt_ms",
    "gauge",
    "ms",
    "Latency without a queue, as a long average; of fairlead.gradient.",
    { as: "concurrency_limit_unloaded_latency" },
  ],
  ["concurrency_limit/refused", "counter", "1", "Requests the limit refused."],
];

const BACKUPS: readonly Row[] = [
  [
    "backups/send_backup_after_ms",
    "stat",
    "ms",
    "How long a request waits for its second attempt; looked up every 3 s.",
    { as: "backup_delay" },
  ],
  ["backups/backups_sent", "counter", "1", "Second attempts beside a slow first one."],
  ["backups/backups_won", "counter", "1", "Second attempts that were answered first."],
  ["backups/budget_exhausted", "counter", "1", "Second attempts that one of the two budgets refused."],
];

const DEADLINES: readonly Row[] = [
  ["deadline", "refused because their deadline had"],
  ["darkmode_deadline", "that would be refused, were deadlines enforced, because theirs had"],
].flatMap(([place, what]): Row[] => [
  [`admission_control/${place}/exceeded`, "counter", "1", "Requests whose deadline had passed when they arrived."],
  [`admission_control/${place}/rejected`, "counter", "1", `Requests ${what} passed; at most a fifth of all in 10 s.`],
  [`admission_control/${place}/expired_ms`, "stat", "ms", "How late those were."],
  [`admission_control/${place}/remaining_ms`, "stat", "ms", "How much time the others had left."],
  [
    `admission_control/${place}/future`,
    "counter",
    "1",
    "Requests not judged because their caller's clock is more than 1 s ahead.",
  ],
]);

const HTTP2: readonly Row[] = [
  ["stream/stream_success", "counter", "1", "HTTP/2 streams on which both sides said all there was to say."],
  [
    "stream/stream_failures",
    "counter",
    "1",
    "HTTP/2 streams that were reset, by either side, or lost with their connection.",
  ],
  ["stream/stream_duration_ms", "stat", "ms", "Life time of HTTP/2 streams."],
  ["request/stream/data_bytes", "counter", "bytes", "Request bodies passed on over HTTP/2."],
  ["response/stream/data_bytes", "counter", "bytes", "Bodies of answers passed on over HTTP/2."],
  ["h2/resets_received", "counter", "1", "Streams the peer reset."],
  ["h2/resets_sent", "counter", "1", "Streams we reset."],
  ["h2/goaways_received", "counter", "1", "GOAWAY frames of peers."],
  ["h2/goaways_sent", "counter", "1", "GOAWAY frames of ours; a connection that is drained gets two."],
  ["h2/connection_errors", "counter", "1", "Connections given up because the peer broke the rules of HTTP/2."],
  ["h2/malformed", "counter", "1", "Messages that broke the rules of HTTP/2 (RFC 9113 §8); their streams were reset."],
];

const HTTP2_SERVER: readonly Row[] = [["h2/streams", "gauge", "1", "HTTP/2 streams open at the moment."]];

const CONNECTING: readonly Row[] = [
  ["connect_latency_ms", "stat", "ms", "Time successful connects took."],
  ["failed_connect_latency_ms", "stat", "ms", "Time failed connects took."],
  ["cancelled_connects", "counter", "1", "Connects given up because their endpoint left or the proxy stopped."],
  ["pool_size", "gauge", "1", "Open connections, idle ones and those being opened included."],
  ["pool_cached", "gauge", "1", "Idle connections kept for reuse."],
  ["pool_waiters", "gauge", "1", "Requests waiting for a connection."],
  ["pool_num_waited", "counter", "1", "Requests that had to wait for a connection.", { as: "pool_waited" }],
  [
    "pool_num_too_many_waiters",
    "counter",
    "1",
    "Requests refused because too many waited.",
    { as: "pool_too_many_waiters" },
  ],
];

const BROKEN: readonly Row[] = [
  [
    "exn/<cause…>",
    "counter",
    "1",
    "What went wrong on connections outside of any request, by kind.",
    { as: "connection_errors" },
  ],
];

const HEALTH: readonly Row[] = [
  ["endpoints/alive", "gauge", "1", "Endpoints in good health."],
  [
    "endpoints/dead",
    "gauge",
    "1",
    "Endpoints that failed too often, requests or health checks, and are avoided for a while.",
  ],
  ["endpoints/probing", "gauge", "1", "Endpoints that were dead and wait for a request that succeeds."],
];

const ACCRUAL: readonly Row[] = [
  ["failure_accrual/removals", "counter", "1", "Endpoints that went from alive to dead."],
  ["failure_accrual/revivals", "counter", "1", "Endpoints whose probe succeeded."],
  ["failure_accrual/probes", "counter", "1", "Times an endpoint's dead period ended and it waited for a probe."],
  [
    "failure_accrual/ejections_capped",
    "counter",
    "1",
    "Endpoints that were to be taken out and stayed, because maxEjectionPercent were out already.",
  ],
  [
    "failure_accrual/removed_for_ms",
    "counter",
    "ms",
    "Sum of all dead periods that were begun.",
    { as: "failure_accrual_removed" },
  ],
];

const FAIL_FAST: readonly Row[] = [
  ["failfast/marked_dead", "counter", "1", "Endpoints that a failed connect took out."],
  ["failfast/marked_available", "counter", "1", "Endpoints that were reached again."],
  [
    "failfast/unhealthy_for_ms",
    "gauge",
    "ms",
    "How long the endpoint that was not reached for longest has not been.",
    { as: "failfast_unhealthy" },
  ],
  [
    "failfast/unhealthy_num_tries",
    "gauge",
    "1",
    "Failed connects in the background, of the endpoint with most of them.",
    { as: "failfast_unhealthy_tries" },
  ],
  [
    "failfast/is_marked_dead",
    "gauge",
    "1",
    "Endpoints that are out because they were not reached.",
    { as: "failfast_dead" },
  ],
];

const HEALTH_CHECK: readonly Row[] = [
  ["health_check/checks", "counter", "1", "Health checks made."],
  ["health_check/failures", "counter", "1", "Health checks that failed."],
  ["health_check/unhealthy", "gauge", "1", "Endpoints that are out because health checks failed."],
];

const BALANCER: readonly Row[] = [
  ["loadbalancer/size", "gauge", "1", "Endpoints known."],
  ["loadbalancer/available", "gauge", "1", "Endpoints ready for requests."],
  ["loadbalancer/busy", "gauge", "1", "Endpoints to be avoided: dead, being probed, or full."],
  ["loadbalancer/closed", "gauge", "1", "Endpoints that are going away."],
  ["loadbalancer/load", "gauge", "1", "Requests in progress on all endpoints, connecting included."],
  ["loadbalancer/meanweight", "gauge", "1", "Mean weight of the endpoints.", { as: "loadbalancer_mean_weight" }],
  [
    "loadbalancer/num_weight_classes",
    "gauge",
    "1",
    "Different weights among the endpoints.",
    { as: "loadbalancer_weight_classes" },
  ],
  ["loadbalancer/adds", "counter", "1", "Endpoints added."],
  ["loadbalancer/removes", "counter", "1", "Endpoints removed."],
  ["loadbalancer/updates", "counter", "1", "Changes of the set of endpoints."],
  [
    "loadbalancer/rebuilds",
    "counter",
    "1",
    "Times all endpoints were looked at anew: none was found ready, or one that was not has become ready.",
  ],
  ["loadbalancer/max_effort_exhausted", "counter", "1", "Picks that found no ready endpoint and failed open."],
  ["loadbalancer/p2c/zero", "counter", "1", "Picks between two endpoints without load."],
  ["loadbalancer/busy_weight_classes", "counter", "1", "Picks whose weight class had no ready endpoint."],
  [
    "loadbalancer/algorithm/<name>",
    "gauge",
    "1",
    "1: endpoints are chosen by this algorithm.",
    { as: "loadbalancer_algorithm" },
  ],
  ["loadbalancer/logical_aperture", "gauge", "1", "Endpoints the aperture wants to use."],
  ["loadbalancer/physical_aperture", "gauge", "1", "Endpoints the aperture uses, those it shares in part included."],
  [
    "loadbalancer/expired",
    "counter",
    "1",
    "Endpoints out of the aperture for so long that their connections were closed.",
  ],
  [
    "loadbalancer/vector_hash",
    "gauge",
    "1",
    "A number for the endpoints and their order: instances of a fleet that show the same one see the same ring.",
  ],
  [
    "loadbalancer/loadband/offered_load_ema",
    "gauge",
    "1",
    "Requests in progress, smoothed, by which the aperture is sized.",
    { as: "loadbalancer_loadband_offered_load" },
  ],
  ["loadbalancer/loadband/widen", "counter", "1", "Times the aperture grew by one endpoint."],
  ["loadbalancer/loadband/narrow", "counter", "1", "Times the aperture shrank by one endpoint."],
];

const CACHES: readonly Row[] = [
  ["misses", "Look-ups that found nothing in the cache: `path`, `tree`, `bound` or `client`."],
  ["evicts", "Idle entries of the cache that made room."],
  ["expires", "Entries of the cache that were idle for too long."],
  ["oneshots", "Look-ups served uncached because every entry of the cache was in use."],
].map(([name, doc]): Row => [`bindcache/<cache>/${name}`, "counter", "1", doc ?? "", { as: `bindcache_${name}` }]);

const ROUTER: readonly Row[] = [
  ["originator", "gauge", "1", "1 when this router is where requests enter the mesh."],
  ["plugin_errors/<kind>", "counter", "1", "Errors that code of plug-ins threw, by its kind.", { as: "plugin_errors" }],
];

const NAMER: readonly Row[] = [["errors", "counter", "1", "Errors that a namer of a plug-in threw."]];

const ACCESS_LOG: readonly Row[] = [
  ["dropped_lines", "counter", "1", "Access log lines lost because a file could not be written for too long."],
  ["write_errors", "counter", "1", "Failed attempts to open or write an access log file."],
  ["roll_errors", "counter", "1", "Failed attempts to roll an access log file or to remove a rolled one."],
];

const WORKERS: readonly Row[] = [
  ["configured", "gauge", "1", "Worker threads that there shall be."],
  ["serving", "gauge", "1", "Worker threads that serve at the moment."],
  ["restarts", "counter", "1", "Worker threads that had to be replaced."],
];

const CONFIG: readonly Row[] = [
  ["reloads", "counter", "1", "Times that a changed configuration file was put in force."],
  [
    "reload_failures",
    "counter",
    "1",
    "Times that the configuration file could not be used, and what was in force stayed.",
  ],
  [
    "reload_ms",
    "stat",
    "ms",
    "Time from the wish to reload until the new configuration was in force.",
    { as: "reload" },
  ],
  ["in_force", "gauge", "1", "1 while what the file says is in force, 0 while it is not because it cannot be used."],
];

const TELEMETER: readonly Row[] = [
  ["sent", "counter", "1", "What a telemeter sent: datagrams to StatsD, spans to Zipkin."],
  [
    "dropped",
    "counter",
    "1",
    "Spans that were lost, because too many waited or they could not be sent, and sampled requests that threads had too many of.",
  ],
  [
    "failures",
    "counter",
    "1",
    "Times that sending went wrong: a host that was not found or did not answer, an answer that says no, a datagram that the system did not take.",
  ],
];

const PROCESS: readonly Row[] = [
  ["uptime_ms", "gauge", "ms", "Time since the start."],
  ["cpu/user_ms", "gauge", "ms", "Processor time of the process in its own code; grows only.", { grows: true }],
  ["cpu/system_ms", "gauge", "ms", "Processor time of the process in the kernel; grows only.", { grows: true }],
  ["memory/rss_bytes", "gauge", "bytes", "Memory of the process as the kernel counts it.", { as: "memory_resident" }],
  ["memory/heap_used_bytes", "gauge", "bytes", "JavaScript objects, those included that nobody needs any more."],
  ["memory/heap_total_bytes", "gauge", "bytes", "Memory set aside for JavaScript objects."],
  [
    "memory/external_bytes",
    "gauge",
    "bytes",
    "Memory outside of the JavaScript heap that its objects hold: buffers, mostly.",
  ],
  [
    "descriptors/limit",
    "gauge",
    "1",
    "File descriptors the process may have open; missing where the system does not tell.",
  ],
  [
    "descriptors/connections",
    "gauge",
    "1",
    "Open connections of the process: from callers, to services, and of admin.",
  ],
  [
    "descriptors/turned_away",
    "gauge",
    "1",
    "Callers whose connection was closed at once because a quarter of the descriptors, or a thousand, was left; without any left they are closed uncounted. Grows only.",
    { grows: true },
  ],
  [
    "descriptors/failures",
    "gauge",
    "1",
    "Connections that could not be accepted or made because there was no descriptor left; grows only.",
    { grows: true },
  ],
  [
    "event_loop/active_ms",
    "gauge",
    "ms",
    "Time the event loop was busy; grows only. Its rate is the load of the one thread.",
    { grows: true },
  ],
  ["event_loop/idle_ms", "gauge", "ms", "Time the event loop waited for something to do; grows only.", { grows: true }],
  [
    "event_loop/lag_ms",
    "stat",
    "ms",
    "How late timers run, measured once a second: what a request may have to wait for others.",
  ],
];

/** All families, in the order of the documentation. */
export const METRICS: readonly MetricDoc[] = [
  ...under(SERVER, [
    ...REQUESTS,
    ...CAUSES,
    ...PENDING,
    ...STATUS,
    ...TRAFFIC,
    ...ACCEPTED,
    ...ONLY_SERVER,
    ...TUNNELS,
    ...DEADLINES,
    ...HTTP2_SERVER,
    ...HTTP2,
  ]),
  ...under(SERVICE, [...REQUESTS, ...CAUSES, ...PENDING, ...RETRIES]),
  ...under(OVERRIDDEN, [...REQUESTS, ...CAUSES, ...PENDING, ...RETRIES]),
  ...under(CLIENT, [
    ...REQUESTS,
    ...CAUSES,
    ...PENDING,
    ...STATUS,
    ...TRAFFIC,
    ...CONNECTING,
    ...BROKEN,
    ...REQUEUES,
    ...BACKUPS,
    ...NACKS,
    ...CONCURRENCY,
    ...HEALTH,
    ...ACCRUAL,
    ...FAIL_FAST,
    ...HEALTH_CHECK,
    ...BALANCER,
    ...HTTP2,
  ]),
  ...under(`${CLIENT}/service/<path>`, [...REQUESTS, ...CAUSES, ...PENDING]),
  ...under("rt/<router>", [...CACHES, ...ROUTER]),
  ...under("namer/<prefix>", NAMER),
  ...under("access_log", ACCESS_LOG),
  ...under("admin", [...TRAFFIC, ...ACCEPTED]),
  ...under("config", CONFIG),
  ...under("workers", WORKERS),
  ...under("telemeter/<kind>", TELEMETER),
  ...under("process", PROCESS),
];

/** The family a metric belongs to. */
export function docOf(segments: readonly string[]): MetricDoc | undefined {
  return METRICS.find(({ pattern }) => matches(pattern.split("/"), segments));
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  const open = pattern.at(-1)?.endsWith("…>") === true;
  if (open ? segments.length < pattern.length : segments.length !== pattern.length) return false;
  return pattern.every((part, at) => part.startsWith("<") || part === segments[at]);
}

function under(scope: string, rows: readonly Row[]): MetricDoc[] {
  return rows.map(([name, kind, unit, doc, more]) => ({ pattern: `${scope}/${name}`, kind, unit, doc, ...more }));
}
