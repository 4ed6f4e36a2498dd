// Configuration of HTTP/1 routers (reference §2.1.1–2.1.3).
import { kindOf } from "../../config/kinds.ts";
import { type Report } from "../../config/spec.ts";
import { bool, headerName, int, object, text, unavailable } from "../../config/schema.ts";
import { parseTemplate } from "../http/access-log-format.ts";
import { identifier } from "../http/identifiers/config.ts";

const noRolling = "is not available in this release";
const rollOutside = "remove it, and let another program roll the file, or write to /dev/stdout";
const noBuffering = "has no effect: bodies are always streamed";
const noBodyLimit = "has no effect since Linkerd 1.7: bodies are streamed without a limit";

function checkTemplate({ template }: { readonly template?: string | undefined }, report: Report): void {
  const parsed = parseTemplate(template ?? "");
  if ("message" in parsed) report(["template"], parsed.message, parsed.advice);
}

const httpAccessLogFormat = kindOf(
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
);

/** Keys of http routers, besides those of every router. */
export const httpRouterKeys = {
  identifier,
  httpAccessLog: text({
    doc: "File that gets one line per request; `/dev/stdout` and `/dev/stderr` are this process's own.",
    defaultDoc: "none",
    differs:
      "Linkerd 1.x writes a line for each dispatch to a client and none for requests that reach no client; fairlead writes exactly one for each request.",
  }),
  httpAccessLogFormat,
  httpAccessLogRollPolicy: text({
    doc: "When a new access log file is begun.",
    default: "never",
    refuse: {
      shown: "other than never",
      when: (policy) => policy !== "never",
      because: noRolling,
      instead: rollOutside,
    },
  }),
  httpAccessLogAppend: bool({
    doc: "Whether an existing access log file is continued.",
    default: true,
    refuse: {
      shown: "false",
      when: (on) => !on,
      because: "is not available in this release: the file is always continued",
      instead: "remove it, and remove the file before starting",
    },
  }),
  httpAccessLogRotateCount: int({
    doc: "How many rolled access log files are kept; -1 keeps all.",
    default: -1,
    min: -1,
    refuse: { shown: "other than -1", when: (count) => count !== -1, because: noRolling, instead: rollOutside },
  }),
  streamAfterContentLengthKB: int({
    doc: "Bodies up to this length would be buffered.",
    unit: "KB",
    accepted: noBuffering,
  }),
  streamingEnabled: bool({
    doc: "Passes bodies on as they arrive.",
    default: true,
    refuse: {
      shown: "false",
      when: (on) => !on,
      because: "cannot be switched off: whole bodies are never held in memory",
      instead: "remove it",
    },
  }),
  maxHeadersKB: int({
    doc: "Total size of the headers of a message, either way.",
    unit: "KB",
    default: 8,
    min: 1,
    max: 1024,
  }),
  maxInitialLineKB: int({ doc: "Length of the request or status line.", unit: "KB", default: 4, min: 1, max: 1024 }),
  maxErrResponseKB: int({ doc: "Size of the body of an error answer made here.", unit: "KB", default: 5120, min: 1 }),
  compressionLevel: int({
    doc: "Compression of answers; 0 is none.",
    default: 0,
    min: -1,
    max: 9,
    differs: "Linkerd 1.x compresses textual answers unless this is 0; fairlead passes bodies on as they are.",
    warn: {
      shown: "-1",
      when: (level) => level === -1,
      because: "answers are not compressed in this release",
      instead: "write 0 to silence this warning",
    },
    refuse: {
      shown: "1 to 9",
      when: (level) => level > 0,
      because: "compression is not available in this release",
      instead: "write 0, and compress in the service",
    },
  }),
  tracePropagator: kindOf(
    { doc: "The headers that carry trace identifiers from hop to hop.", default: { kind: "io.l5d.default" } },
    {
      "io.l5d.default": object({ doc: "`l5d-ctx-trace`, `l5d-sample` and `l5d-reqid`." }, {}),
      "io.l5d.zipkin": unavailable(
        "The `x-b3-*` headers.",
        "use io.l5d.default; `x-b3-*` headers are passed on untouched",
      ),
    },
  ),
  maxRequestKB: int({ doc: "Limit of buffered request bodies.", accepted: noBodyLimit }),
  maxResponseKB: int({ doc: "Limit of buffered answer bodies.", accepted: noBodyLimit }),
  maxChunkKB: int({ doc: "Limit of one chunk.", accepted: noBodyLimit }),
};

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

const limits = object(
  {
    doc: "Bounds on what a client of this server may take up. A time of 0 switches that bound off.",
    default: {},
    origin: "fairlead",
  },
  {
    headerTimeoutMs: int({
      doc: "A request head must be complete this long after its first byte.",
      unit: "ms",
      default: 10_000,
      origin: "fairlead",
    }),
    bodyIdleTimeoutMs: int({
      doc: "Some part of a request body must arrive within this time.",
      unit: "ms",
      default: 60_000,
      origin: "fairlead",
    }),
    writeStallTimeoutMs: int({
      doc: "A client that reads must take some bytes of its answer within this time, as far as the kernel tells: with its buffers full, less than about 15 kB/s may count as none.",
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
    }),
  },
);

/** Keys of their servers. */
export const httpServerKeys = {
  addForwardedHeader: object(
    { doc: "Adds a `Forwarded` header to requests (RFC 7239)." },
    {
      by: kindOf({ doc: "How this server appears in it.", default: { kind: "requestRandom" } }, labeler),
      for: kindOf({ doc: "How the client appears in it.", default: { kind: "requestRandom" } }, labeler),
    },
  ),
  timestampHeader: headerName({
    doc: "Adds this header to requests, with the time of arrival in milliseconds since 1970.",
    defaultDoc: "none",
  }),
  maxCallDepth: int({
    doc: "Answers 400 to a request with more `Via` entries: two proxies that call each other.",
    default: 1000,
    min: 1,
  }),
  limits,
};

/** Keys of their clients. */
export const httpClientKeys = {
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
