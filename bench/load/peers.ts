// The peers of HTTP/1.1 in the fair configuration of the performance protocol, point 9: one worker, no access log, kept
// connections on both sides, two request headers added, as fairlead adds its own, and the same groups of upstream
// servers: one per host name, or one for all.
import { compileRelay, versionOf } from "./compile.ts";
import type { Family } from "./families.ts";
import { launch, Proxy, type ProxyKind, SERVICES, type Site, writeConfig } from "./proxy.ts";

export const address = (port: number): string => `127.0.0.1:${port}`;

/** Names of the groups of upstream servers: one per host name, or one for all. */
export function groups(shared: boolean): string[] {
  return shared ? ["svc0"] : Array.from({ length: SERVICES }, (_, i) => `svc${i}`);
}

function nginxGroup(site: Site, name: string): string {
  const servers = site.ports.backends.map((backend) => `server ${address(backend)} max_fails=0;`);
  return `  upstream ${name} { ${servers.join(" ")} keepalive 64; keepalive_requests 1000000; }`;
}

/** Bodies are streamed, not spooled: what fairlead does, and the faster setting for nginx. */
function nginxConfig(site: Site, port: number): string {
  return `worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid nginx-${port}.pid;
error_log stderr error;
events { worker_connections 19000; }
http {
  access_log off;
  keepalive_requests 1000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  client_body_temp_path nginx-body; proxy_temp_path nginx-proxy; fastcgi_temp_path nginx-fastcgi;
  uwsgi_temp_path nginx-uwsgi; scgi_temp_path nginx-scgi;
${groups(site.shared)
  .map((name) => nginxGroup(site, name))
  .join("\n")}
  server {
    listen ${address(port)} backlog=4096;
    location / {
      proxy_pass http://${site.shared ? "svc0" : "$host"};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
      proxy_set_header Via "1.1 nginx";
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`;
}

function nginxKind(name: string, portOf: (site: Site) => number): ProxyKind {
  return {
    name,
    family: "h1",
    version: () => versionOf("nginx", "-v"),
    async start(site) {
      const port = portOf(site);
      const file = writeConfig(site, `${name}.conf`, nginxConfig(site, port));
      const command = ["nginx", "-p", site.folder, "-e", "stderr", "-c", file];
      return (await launch(site, { name, family: "h1", command, port })).proxy;
    },
  };
}

export const nginx: ProxyKind = nginxKind("nginx", (site) => site.ports.nginx);

/** A second, equal nginx: the ratio of the two says how far the box can be trusted. */
export const nginxTwin: ProxyKind = nginxKind("nginx-twin", (site) => site.ports.nginxTwin);

function haproxyGroup(site: Site, name: string): string {
  const servers = site.ports.backends.map((backend, i) => `  server backend${i} ${address(backend)}`);
  return `backend ${name}
  balance roundrobin
  http-request set-header Via "1.1 haproxy"
  http-request set-header X-Forwarded-For %[src]
${servers.join("\n")}`;
}

function haproxyConfig(site: Site): string {
  return `global
  nbthread 1
  maxconn 9500
defaults
  mode http
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
frontend callers
  bind ${address(site.ports.haproxy)} backlog 4096
  ${site.shared ? "default_backend svc0" : "use_backend %[req.hdr(host)]"}
${groups(site.shared)
  .map((name) => haproxyGroup(site, name))
  .join("\n")}
`;
}

export const haproxy: ProxyKind = {
  name: "haproxy",
  family: "h1",
  version: () => versionOf("haproxy", "-v"),
  async start(site) {
    const file = writeConfig(site, "haproxy.cfg", haproxyConfig(site));
    const command = ["haproxy", "-db", "-f", file];
    return (await launch(site, { name: "haproxy", family: "h1", command, port: site.ports.haproxy })).proxy;
  },
};

/** Parses nothing: what the kernel alone costs. Not a peer, a floor. */
export const relay: ProxyKind = {
  name: "relay",
  family: "h1",
  version: () => versionOf("gcc", "--version") && "relay.c, this tree",
  async start(site) {
    const command = [compileRelay(), String(site.ports.relay), ...site.ports.backends.map(String)];
    return (await launch(site, { name: "relay", family: "h1", command, port: site.ports.relay })).proxy;
  },
};

/** No proxy at all: the generator talks to a backend itself. Latency rows subtract it. */
export function direct(site: Site, family: Family): Proxy {
  return new Proxy("direct", family, site.ports.backends[0] ?? 0);
}

/** Peers of the protocol that this harness does not drive: said by name rather than left out in silence. */
export function otherPeers(): Record<string, string> {
  return {
    linkerd: "version 1.7.5 needs a Java runtime; not driven by this harness",
  };
}
