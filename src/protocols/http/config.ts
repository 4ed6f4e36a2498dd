// Configuration that HTTP/1 and HTTP/2 routers share (reference §2.1.1–2.1.3, §2.2).
import { kindOf } from "../../config/kinds.ts";
import { type Report } from "../../config/spec.ts";
import { bool, int, list, object, oneOrMany, text, unavailable, word } from "../../config/schema.ts";
import { PathMatcher } from "../../core/path-matcher.ts";
import { parseRollPolicy } from "../../telemetry/roll-policy.ts";
import { parseTemplate } from "./access-log-format.ts";
import { isCaller } from "./override-rules.ts";

function checkTemplate({ template }: { readonly template?: string | undefined }, report: Report): void {
  const parsed = parseTemplate(template ?? "");
  if ("message" in parsed) report(["template"], parsed.message, parsed.advice);
}

/** The access log. Each protocol gives these keys its own names. */
export const accessLog = {
  file: text({
    doc: "File that gets one line per request; `/dev/stdout` and `/dev/stderr` are this process's own.",
    defaultDoc: "none",
    differs:
      "Linkerd 1.x writes a line for each dispatch to a client and none for requests that reach no client; fairlead writes exactly one for each request.",
  }),
  format: kindOf(
    { doc: "The form of an access log line.", default: { kind: "combined" }, origin: "fairlead" },
    {
      combined: object({ doc: "As Linkerd 1.x and most web servers write it." }, {}),
      json: object({ doc: "One JSON object per line, for machines." }, {}),
      template: object(
        { doc: "A line of one's own.", checks: [checkTemplate] },
        {
          template: text({
            doc: "The line, with `%{field}` for each field of the JSON form (docs/access-log.md).",
            required: true,
          }),
        },
      ),
    },
  ),
  rollPolicy: text({
    doc: "When a new access log file is begun: `never`, `hourly`, `daily`, `weekly(n)` (1 = Sunday) or by size, such as `3.megabytes`; docs/access-log.md has the names of rolled files.",
    default: "never",
    differs:
      "Linkerd 1.x overwrites a rolled file of the same name, and after a restart counts a file's size from zero and its time anew; fairlead does not. `sighup` is not taken: SIGUSR2 opens the file again.",
    refuse: {
      shown: "it is something else",
      when: (policy) => parseRollPolicy(policy) === null,
      because: "is no roll policy",
      instead: "write never, hourly, daily, weekly(1) to weekly(7), or a size such as 3.megabytes",
    },
  }),
  append: bool({
    doc: "Whether an access log file that exists at the start is continued; otherwise it is emptied.",
    default: true,
  }),
  rotateCount: int({
    doc: "How many rolled access log files are kept; -1 keeps all.",
    default: -1,
    min: -1,
    differs:
      "Linkerd 1.x removes whatever begins and ends like the file's name; fairlead removes only files that it could have rolled.",
  }),
};

export const tracePropagator = kindOf(
  { doc: "The headers that carry trace identifiers from hop to hop.", default: { kind: "io.l5d.default" } },
  {
    "io.l5d.default": object(
      { doc: "`l5d-ctx-trace`, `l5d-sample` and `l5d-reqid`; `x-b3-*` headers pass untouched." },
      {},
    ),
    "io.l5d.zipkin": object(
      {
        doc: "`x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` and `x-b3-flags` instead; `b3` is read, too. `l5d-reqid` is not written; `l5d-sample` decides where they leave it undecided.",
      },
      {},
    ),
  },
);

const labeler = {
  ip: object({ doc: "The IP address; IPv6 in brackets and quotes." }, {}),
  "ip:port": object({ doc: "IP address and port, in quotes." }, {}),
  connectionRandom: object({ doc: "A random label per connection." }, {}),
  requestRandom: object({ doc: "A random label per request." }, {}),
  router: object({ doc: "`_` and the router's label." }, {}),
  static: object(
    { doc: "`_` and a fixed label." },
    {
      label: text({
        doc: "The label.",
        required: true,
        // RFC 7239 §6.3: the characters of an obfuscated identifier.
        refuse: {
          shown: "it has other characters than letters, digits, `.`, `_` and `-`",
          when: (label) => !/^[\w.-]+$/.test(label),
          because: "a label in a Forwarded header has only letters, digits, . _ and -",
          instead: "choose such a label",
        },
      }),
    },
  ),
};

export const addForwardedHeader = object(
  { doc: "Adds a `Forwarded` header to requests (RFC 7239)." },
  {
    by: kindOf({ doc: "How this server appears in it.", default: { kind: "requestRandom" } }, labeler),
    for: kindOf({ doc: "How the client appears in it.", default: { kind: "requestRandom" } }, labeler),
  },
);

export const maxCallDepth = int({
  doc: "Answers 400 to a request with more `Via` entries: two proxies that call each other.",
  default: 1000,
  min: 1,
});

function isNames(written: string): boolean {
  if (written === "*") return true;
  const pattern = PathMatcher.parse(written);
  return pattern instanceof PathMatcher && pattern.variables.length === 0;
}

/** What requests may bring along: docs/overrides.md. */
export const overrides = object(
  { doc: "What becomes of the rules and deadlines that requests bring along.", default: {}, origin: "fairlead" },
  {
    baggage: word(
      {
        doc: "The header `baggage` as a second carrier of both, for applications that pass on only what OpenTelemetry has them pass on. `follow` reads the members `fairlead-dtab` and `fairlead-deadline`, and writes them to the service where a request brings an override or such a member; `always` writes them with every request that has an override or a deadline, those set here included; `off` does not look at it.",
        default: "off",
        modernDefault: "follow",
        origin: "fairlead",
      },
      ["off", "follow", "always"],
    ),
    allow: list(
      {
        doc: "Who may override which names. Entries of an override that no rule covers are dropped and counted, and the request is served without them; an empty list allows none. Holds for `l5d-dtab`, `l5d-ctx-dtab` and baggage alike.",
        defaultDoc: "everybody may override every name",
        origin: "fairlead",
      },
      object(
        { doc: "Callers, and what they may override." },
        {
          from: oneOrMany(
            {
              doc: "Where they connect from: an IP address, a range such as `10.0.0.0/8`, or `*` for anywhere.",
              default: ["*"],
              origin: "fairlead",
            },
            text({
              doc: "An address, a range, or `*`.",
              origin: "fairlead",
              refuse: {
                shown: "it is something else",
                when: (written) => !isCaller(written),
                because: "is no range of addresses",
                instead: 'write an address such as 10.1.2.3, a range such as 10.0.0.0/8, or "*"',
              },
            }),
          ),
          names: oneOrMany(
            {
              doc: "What the left side of an entry must begin with, such as `/svc/users` or `/svc/*`; `*` alone is everything.",
              required: true,
              origin: "fairlead",
            },
            text({
              doc: "The beginning of a name, or `*`.",
              origin: "fairlead",
              refuse: {
                shown: "it is something else",
                when: (written) => !isNames(written),
                because: "is no beginning of a name",
                instead: 'write a path such as /svc/users or /svc/*, or "*"',
              },
            }),
          ),
        },
      ),
    ),
  },
);

/** Bounds that mean the same in both protocols. */
export const requestLimitKeys = {
  headerTimeoutMs: int({
    doc: "A request head must be complete this long after its first byte.",
    unit: "ms",
    default: 10_000,
    origin: "fairlead",
    differs: {
      says: "Linkerd 1.x waits for the rest of a request head as long as it takes.",
      where: "left out",
      before: "write limits: {headerTimeoutMs: 0} on the server",
    },
  }),
  writeStallTimeoutMs: int({
    doc: "A client that reads must take some bytes of its answer within this time, as far as the kernel tells: with its buffers full, less than about 15 kB/s may count as none.",
    unit: "ms",
    default: 60_000,
    origin: "fairlead",
    differs: {
      says: "Linkerd 1.x waits for callers that read slowly as long as it takes.",
      where: "left out",
      before: "write limits: {writeStallTimeoutMs: 0} on the server",
    },
  }),
  tunnelIdleTimeoutMs: int({
    doc: "Closes a tunnel (a WebSocket, CONNECT) through which no byte has passed in either direction for this long.",
    unit: "ms",
    default: 3_600_000,
    origin: "fairlead",
  }),
  tunnelHalfClosedTimeoutMs: int({
    doc: "Closes a tunnel of which one end has finished when no byte has come from the other for this long.",
    unit: "ms",
    default: 60_000,
    origin: "fairlead",
  }),
  maxHeaders: int({
    doc: "Number of headers of a message, either way.",
    default: 128,
    min: 1,
    max: 10_000,
    origin: "fairlead",
    differs: {
      says: "Linkerd 1.x bounds the size of the headers of a message alone, fairlead their number as well.",
      where: "left out",
      before: "write a larger limits.maxHeaders on the server",
    },
  }),
};

/** What a server lets become a tunnel; of HTTP/1.1 callers. */
export const tunnelKeys = {
  upgrades: list(
    {
      doc: "Protocols to which callers of HTTP/1.1 may have a connection upgraded, if the service agrees; `*` is any but h2c. An offer of others is not passed on, and the request is one like any other (docs/upgrades.md).",
      default: [],
      modernDefault: ["websocket"],
      origin: "fairlead",
    },
    text({
      doc: "The name of a protocol, without its version, or `*`.",
      refuse: {
        shown: "it is no name of a protocol",
        when: (name) => !/^[!#$%&'*+.^_`|~\w-]+$/.test(name) || /^h2c?$/i.test(name),
        because: "is no protocol that an upgrade can be passed on for",
        instead: "write the token that stands in the Upgrade header, such as websocket; for h2c there is http2: true",
      },
    }),
  ),
  connect: bool({
    doc: "Takes CONNECT from callers of HTTP/1.1: `CONNECT host:port` is named `/connect/host/port`, and only a dtab entry for that leads anywhere (docs/upgrades.md).",
    default: false,
    origin: "fairlead",
  }),
};

/** What may be spoken to endpoints. */
export const endpointProtocols = ["http/1.1", "h2"] as const;
type EndpointProtocol = (typeof endpointProtocols)[number];

/**
 * The protocol towards endpoints.
 * @param own that of the router itself
 */
export function endpointProtocol(own: EndpointProtocol) {
  return word(
    {
      doc: "What is spoken to endpoints, whatever callers speak; `h2` is HTTP/2 with prior knowledge.",
      default: own,
      origin: "fairlead",
    },
    endpointProtocols,
  );
}

/** Keys of the clients of both. */
export const sharedClientKeys = {
  forwardClientCert: bool({
    doc: "Tells endpoints the certificate of the caller.",
    default: false,
    refuse: {
      shown: "true",
      when: (on) => on,
      because: "is not available in this release: there is no TLS",
      instead: "remove it",
    },
  }),
  requestAuthorizers: unavailable("Asks others whether a request may pass.", "remove it, and authorise in the service"),
};
