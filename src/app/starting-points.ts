// Configurations to begin with: what `fairlead run` does when no file is named, and what `fairlead init` writes.

/** What problems call the configuration that stands here. */
export const BUILT_IN = "<built in>";

/**
 * A forward proxy: the `Host` of a request, or the authority of its target, is looked up in DNS; port 80 where none is written.
 * Of the rules the later one is tried first.
 */
export const FORWARD_PROXY = `fairlead: 1
routers:
  - protocol: http
    dtab: |
      /ph  => /$/io.buoyant.rinet;
      /svc => /ph/80;
      /svc => /$/io.buoyant.porthostPfx/ph;
    servers:
      - port: 4140
`;

/**
 * A commented file to change.
 * @param schema where editors find what may be written, as a path or an address.
 */
export function startingFile(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
#
# What this proxy does. All keys, with their defaults: docs/config.md. Before it is used:  fairlead check FILE
# Without the next line the file is read as one of Linkerd 1.x, with the defaults of Linkerd 1.x.
fairlead: 1

# What is served, by the host that requests are for. Try one:  curl -H 'Host: web' 127.0.0.1:4140
# Programs that know http_proxy=http://127.0.0.1:4140 need no change: http://web/ is then this service.
services:
  web: 127.0.0.1:8080 # the service beside this proxy
  # users: [10.0.0.1:8080, 10.0.0.2:8080] # balanced
  # carts: {to: carts.internal:8080, timeoutMs: 2000, retries: {maxRetries: 2}} # looked up in DNS
  # stock: {file: disco/stock} # lines of "host port", changed at any time
  "*": dns # every other host, with port 80 where none is written

# Metrics, state and a page for people: http://127.0.0.1:9990. Whoever reaches it can stop the process.
admin:
  ip: 127.0.0.1
  port: 9990

# Services stand for rules and namers, which this prints:  fairlead check --expand FILE
# Rules of one's own come after them, and of two that match the later one is tried first. Try a name:
#   fairlead dtab explain --config FILE /svc/web
routers:
  - protocol: http # HTTP/2 on the same port; h2 is for routers of gRPC alone
    # dtab: |
    #   /svc/users => 9 * /#/services/users & 1 * /$/inet/10.0.0.3/8080;

    # Where callers connect to: 0.0.0.0 for callers on other machines.
    servers:
      - ip: 127.0.0.1
        port: 4140
`;
}
