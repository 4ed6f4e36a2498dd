// Envoy in every family, as fair as the other peers (see peers.ts): one worker, no access log, no health checks, limits out of the
// way, the same groups of upstream servers. Where there is a choice Envoy has the cheaper side of it: no timeouts and no request
// ids, headers of its own suppressed, groups found by the name itself, and its statistics, which are on as ours are, gathered
// but not flushed: nobody asks for them, and an idle Envoy that wakes would be in the windows of the others.
import { versionOf } from "./compile.ts";
import { envoyProgram, releaseIn } from "./envoy-program.ts";
import { callersOf, type Family, serversOf } from "./families.ts";
import { groups } from "./peers.ts";
import { CONNECTION_WINDOW, sharesUpstream, STREAM_WINDOW } from "./peers-http2.ts";
import { launch, type ProxyKind, type Site, writeConfig } from "./proxy.ts";

const NO_LIMIT = 1_000_000;
const TYPES = "type.googleapis.com/envoy.extensions";
const MANAGER = `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`;

/** The same windows as all peers (Envoy's own are larger), and no limit on frames: 10 000 messages in one turn are no attack here. */
const HTTP2 = `{ max_concurrent_streams: 10000, initial_stream_window_size: ${STREAM_WINDOW}, initial_connection_window_size: ${CONNECTION_WINDOW}, max_outbound_frames: ${NO_LIMIT}, max_outbound_control_frames: ${NO_LIMIT} }`;

const addressOf = (port: number): string => `{ socket_address: { address: 127.0.0.1, port_value: ${port} } }`;

function clusterText(site: Site, family: Family, name: string): string {
  const servers = site.ports.backends.map((port) => `      - endpoint: { address: ${addressOf(port)} }`);
  const protocol = serversOf(family) === "h2" ? `http2_protocol_options: ${HTTP2}` : "http_protocol_options: {}";
  return `  - name: ${name}
    type: STATIC
    connect_timeout: 5s
    lb_policy: ROUND_ROBIN
    circuit_breakers:
      thresholds:
      - { max_connections: ${NO_LIMIT}, max_pending_requests: ${NO_LIMIT}, max_requests: ${NO_LIMIT}, max_retries: ${NO_LIMIT} }
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": ${TYPES}.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: { ${protocol} }
    load_assignment:
      cluster_name: ${name}
      endpoints:
      - lb_endpoints:
${servers.join("\n").replaceAll(/^/gm, "  ")}`;
}

/** The two request headers are Via and X-Forwarded-For; what comes with the latter cannot be had without. */
function envoyConfig(site: Site, family: Family, port: number): string {
  const shared = sharesUpstream(site, family);
  const callers = callersOf(family) === "h2" ? "HTTP2" : "HTTP1";
  return `stats_flush_on_admin: true
static_resources:
  listeners:
  - name: callers
    address: ${addressOf(port)}
    tcp_backlog_size: 4096
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": ${MANAGER}
          stat_prefix: callers
          codec_type: ${callers}
          http2_protocol_options: ${HTTP2}
          common_http_protocol_options: { idle_timeout: 0s }
          stream_idle_timeout: 0s
          generate_request_id: false
          use_remote_address: true
          via: "${callers === "HTTP2" ? "2.0" : "1.1"} envoy"
          server_header_transformation: PASS_THROUGH
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: { prefix: "/" }
                route: { ${shared ? "cluster: svc0" : 'cluster_header: ":authority"'}, timeout: 0s }
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": ${TYPES}.filters.http.router.v3.Router
              suppress_envoy_headers: true
  clusters:
${groups(shared)
  .map((name) => clusterText(site, family, name))
  .join("\n")}
`;
}

const FLAGS = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];

/** Envoy in a family. Asking for its version fetches it, and throws with the reason when that fails. */
export function envoy(family: Family): ProxyKind {
  return {
    name: "envoy",
    family,
    version: () => releaseIn(versionOf(envoyProgram(), "--version") ?? ""),
    async start(site) {
      const { envoy: port } = family === "h1" ? site.ports : site.ports.families[family];
      const file = writeConfig(
        site,
        family === "h1" ? "envoy.yaml" : `envoy-${family}.yaml`,
        envoyConfig(site, family, port),
      );
      const command = [envoyProgram(), "-c", file, ...FLAGS];
      return (await launch(site, { name: "envoy", family, command, port })).proxy;
    },
  };
}
