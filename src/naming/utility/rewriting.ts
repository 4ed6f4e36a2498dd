// The built-in namers that only rearrange a path (linkerd1 §3.4). What does not fit their form is neg.
import { Activity } from "../../core/activity.ts";
import { leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { isSegment, Path } from "../../core/path.ts";

/** The segments that replace the first ones of a path, or undefined if these do not fit. */
type Rewrite = (...segments: readonly string[]) => readonly string[] | undefined;

const table: readonly { readonly name: string; readonly takes: number; readonly rewrite: Rewrite }[] = [
  {
    name: "io.buoyant.hostportPfx",
    takes: 2,
    rewrite: (prefix = "", at = "") => splitHostPort(at, (host, port) => [prefix, host, port]),
  },
  {
    name: "io.buoyant.porthostPfx",
    takes: 2,
    rewrite: (prefix = "", at = "") => splitHostPort(at, (host, port) => [prefix, port, host]),
  },
  { name: "io.buoyant.http.anyHost", takes: 1, rewrite: (host = "") => (isHost(host) ? [] : undefined) },
  {
    name: "io.buoyant.http.anyHostPfx",
    takes: 2,
    rewrite: (prefix = "", host = "") => (isHost(host) ? [prefix] : undefined),
  },
  { name: "io.buoyant.http.anyMethod", takes: 1, rewrite: (method = "") => (isMethod(method) ? [] : undefined) },
  {
    name: "io.buoyant.http.anyMethodPfx",
    takes: 2,
    rewrite: (prefix = "", method = "") => (isMethod(method) ? [prefix] : undefined),
  },
  { name: "io.buoyant.http.subdomainOf", takes: 2, rewrite: (domain = "", host = "") => subdomain(domain, host) },
  {
    name: "io.buoyant.http.subdomainOfPfx",
    takes: 3,
    rewrite: (domain = "", prefix = "", host = "") => after(prefix, subdomain(domain, host)),
  },
  { name: "io.buoyant.http.domainToPath", takes: 1, rewrite: (host = "") => reversedLabels(host) },
  {
    name: "io.buoyant.http.domainToPathPfx",
    takes: 2,
    rewrite: (prefix = "", host = "") => after(prefix, reversedLabels(host)),
  },
];

/** All of them. */
export function rewritingNamers(): readonly Namer[] {
  return table.map(({ name, takes, rewrite }) => ({
    prefix: Path.of("$", name),
    lookup: (rest) => {
      const replacement = rest.size < takes ? undefined : rewrite(...rest.segments.slice(0, takes));
      if (replacement === undefined || !replacement.every(isSegment)) return Activity.ok<NamedTree>(neg);
      return Activity.ok<NamedTree>(leaf(Path.from(replacement).concat(rest.drop(takes))));
    },
  }));
}

/** Wide on purpose: DNS names, IPv4 and IPv6 addresses, with or without a port. */
function isHost(segment: string): boolean {
  return /^[A-Za-z0-9.:_-]+$/.test(segment);
}

function isMethod(segment: string): boolean {
  return /^[A-Z]+$/.test(segment);
}

/** `host:port`, where the port may be a name: a DNS label (RFC 1123) of at most 63 characters. No IPv6: it has colons of its own. */
function splitHostPort(
  segment: string,
  arrange: (host: string, port: string) => readonly string[],
): readonly string[] | undefined {
  const found = /^([^:]+):([a-z0-9][-a-z0-9]{0,62})$/.exec(segment);
  return found === null ? undefined : arrange(found[1] ?? "", found[2] ?? "");
}

/** `a.b` of `a.b.example.com:80` under `example.com`. */
function subdomain(domain: string, host: string): readonly string[] | undefined {
  if (!isHost(domain) || !isHost(host)) return undefined;
  const name = host.includes(":") ? host.slice(0, host.indexOf(":")) : host;
  return name.endsWith(`.${domain}`) ? [name.slice(0, -domain.length - 1)] : undefined;
}

/** `io`, `buoyant`, `foo` of `foo.buoyant.io`, with or without a dot at its end. */
function reversedLabels(host: string): readonly string[] | undefined {
  return isHost(host) ? host.replace(/\.+$/, "").split(".").toReversed() : undefined;
}

function after(prefix: string, segments: readonly string[] | undefined): readonly string[] | undefined {
  return segments === undefined ? undefined : [prefix, ...segments];
}
