// The peers of the HTTP/2 rows, as fair as those of HTTP/1.1 (see peers.ts). Windows are raised on both sides to what the
// generator and its servers grant themselves: with the default of 64 kB nghttpx stalls on large messages.
import { versionOf } from "./compile.ts";
import { callersOf, type Family, serversOf } from "./families.ts";
import { address, groups } from "./peers.ts";
import type { FamilyPorts } from "./ports.ts";
import { launch, type ProxyKind, type Site, writeConfig } from "./proxy.ts";

type Http2Family = Exclude<Family, "h1">;

export const STREAM_WINDOW = 1_048_576;
export const CONNECTION_WINDOW = 16_777_216;

/** `h2-groups` is there to be unshared and `h2` to be shared; what has a side of HTTP/1.1 does as the command line says. */
export function sharesUpstream(site: Site, family: Family): boolean {
  return family === "h2" || (family !== "h2-groups" && site.shared);
}

function nghttpxConfig(site: Site, family: Http2Family, port: number): string {
  const proto = serversOf(family) === "h2" ? ";proto=h2" : "";
  const shared = sharesUpstream(site, family);
  const backends = groups(shared).flatMap((name) =>
    site.ports.backends.map((backend) => `backend=127.0.0.1,${backend};${shared ? "" : `${name}/`}${proto};no-tls`),
  );
  // Without a pattern for everything it does not start.
  const rest = shared ? [] : [`backend=127.0.0.1,${site.ports.backends[0]};${proto};no-tls`];
  return `frontend=127.0.0.1,${port};no-tls
workers=1
single-process=yes
backlog=4096
accesslog-file=/dev/null
errorlog-file=/dev/stderr
log-level=ERROR
add-x-forwarded-for=yes
frontend-http2-window-size=${STREAM_WINDOW}
frontend-http2-connection-window-size=${CONNECTION_WINDOW}
backend-http2-window-size=${STREAM_WINDOW}
backend-http2-connection-window-size=${CONNECTION_WINDOW}
frontend-http2-read-timeout=10m
stream-read-timeout=10m
stream-write-timeout=10m
backend-read-timeout=10m
backend-keep-alive-timeout=10m
${[...backends, ...rest].join("\n")}
`;
}

function nghttpxKind(name: "nghttpx" | "nghttpx-twin", family: Http2Family): ProxyKind {
  return {
    name,
    family,
    version: () => versionOf("nghttpx", "--version"),
    async start(site) {
      const port = site.ports.families[family][name === "nghttpx" ? "nghttpx" : "nghttpxTwin"];
      const file = writeConfig(site, `${name}-${family}.conf`, nghttpxConfig(site, family, port));
      return (await launch(site, { name, family, command: ["nghttpx", `--conf=${file}`], port })).proxy;
    },
  };
}

function haproxyGroup(site: Site, family: Http2Family, name: string): string {
  const proto = serversOf(family) === "h2" ? " proto h2" : "";
  const servers = site.ports.backends.map((backend, i) => `  server backend${i} ${address(backend)}${proto}`);
  return `backend ${name}
  balance roundrobin
  http-request set-header Via "2.0 haproxy"
  http-request set-header X-Forwarded-For %[src]
${servers.join("\n")}`;
}

function haproxyConfig(site: Site, family: Http2Family, ports: FamilyPorts): string {
  const shared = sharesUpstream(site, family);
  return `global
  nbthread 1
  maxconn 9500
  tune.h2.initial-window-size ${STREAM_WINDOW}
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
frontend callers
  bind ${address(ports.haproxy)} backlog 4096${callersOf(family) === "h2" ? " proto h2" : ""}
  ${shared ? "default_backend svc0" : "use_backend %[req.hdr(host)]"}
${groups(shared)
  .map((name) => haproxyGroup(site, family, name))
  .join("\n")}
`;
}

function haproxyKind(family: Http2Family): ProxyKind {
  return {
    name: "haproxy",
    family,
    version: () => versionOf("haproxy", "-v"),
    async start(site) {
      const ports = site.ports.families[family];
      const file = writeConfig(site, `haproxy-${family}.cfg`, haproxyConfig(site, family, ports));
      const command = ["haproxy", "-db", "-f", file];
      return (await launch(site, { name: "haproxy", family, command, port: ports.haproxy })).proxy;
    },
  };
}

/** nghttpx takes HTTP/1.1 as well, but h1 → h2 is compared without it: it would need a way of its own to be asked. */
export const http2Peers: readonly ProxyKind[] = [
  nghttpxKind("nghttpx", "h2"),
  nghttpxKind("nghttpx-twin", "h2"),
  haproxyKind("h2"),
  nghttpxKind("nghttpx", "h2-groups"),
  haproxyKind("h2-groups"),
  nghttpxKind("nghttpx", "h2-h1"),
  haproxyKind("h2-h1"),
  haproxyKind("h1-h2"),
];
