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

# Metrics, state and a page for people: http://127.0.0.1:9990. Whoever reaches it can stop the process.
admin:
  ip: 127.0.0.1
  port: 9990

# Where endpoints are found. Here: a directory with one file per name, lines of "host port", changed at any time.
# namers:
#   - kind: io.l5d.fs
#     rootDir: disco

routers:
  - protocol: http # or h2, for HTTP/2 and gRPC

    # From names to endpoints. A request for the Host "users" asks for /svc/users. Later rules are tried first, and what they
    # do not know is left to those before. Try one:  fairlead dtab explain --config FILE /svc/users
    dtab: |
      /ph       => /$/io.buoyant.rinet;
      /svc      => /ph/80;                              # any other host: DNS, port 80
      /svc      => /$/io.buoyant.porthostPfx/ph;        # host:port: DNS
      /svc/web  => /$/inet/127.0.0.1/8080;              # the service beside this proxy
      # /svc/users => 9 * /$/inet/10.0.0.1/8080 & 1 * /$/inet/10.0.0.2/8080;

    # Policy by name: time limits, retries.
    service:
      kind: io.l5d.static
      configs:
        - prefix: /svc/web
          totalTimeoutMs: 5000

    # Where callers connect to: 0.0.0.0 for callers on other machines.
    servers:
      - ip: 127.0.0.1
        port: 4140
`;
}
