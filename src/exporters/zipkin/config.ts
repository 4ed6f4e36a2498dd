// Configuration of the telemeters `io.zipkin.http`, a plug-in for Linkerd, and `io.l5d.zipkin` (reference §7.1).
import { bool, endpoint, number, object, port, text } from "../../config/schema.ts";
import { parseEndpoint } from "../../core/endpoint-text.ts";
import { SyntaxProblem } from "../../core/syntax.ts";

const RATE =
  "Of traces of which nobody has decided whether they are sampled, this share is, here and on every hop behind us; those that are sampled, all.";

const DEFAULT_RATE = 0.001;

function isNoAddress(written: string): boolean {
  const parsed = parseEndpoint(written);
  return !(parsed instanceof SyntaxProblem) && (parsed.port === null || written.includes("*"));
}

export const zipkinHttpTelemeter = object(
  {
    doc: "Sends the spans of sampled requests to Zipkin over HTTP, in the JSON of its version 2 (docs/tracing.md).",
    differs:
      "The plug-in of Linkerd 1.x calls both spans of a request after whom they lead to; fairlead calls both after the router, and names the service at the other end.",
  },
  {
    host: endpoint({
      doc: "Where Zipkin is, `host:port`; looked up anew for every batch.",
      default: "localhost:9411",
      refuse: {
        shown: "it is not `host:port`",
        when: isNoAddress,
        because: "one host and one port are wanted",
        instead: "write host:port, such as zipkin:9411",
      },
    }),
    hostHeader: text({
      doc: "The `Host` of what is sent.",
      default: "zipkin",
      refuse: {
        shown: "it has blanks or other characters than ASCII",
        when: (host) => /[^!-~]/.test(host),
        because: "no Host is written like that",
        instead: "write a name, such as zipkin",
      },
    }),
    compressionEnabled: bool({ doc: "Compresses what is sent (gzip).", default: true }),
    initialSampleRate: number({ doc: RATE, default: DEFAULT_RATE, min: 0, max: 1 }),
  },
);

export const zipkinScribeTelemeter = object(
  {
    doc: "Sends the spans of sampled requests to Zipkin as Scribe takes them: Thrift, framed (docs/tracing.md). Zipkin takes them where its Scribe collector is enabled; `io.zipkin.http` needs nothing.",
    differs:
      "Linkerd 1.x calls both spans of a request after whom they lead to; fairlead calls both after the router, and names the service at the other end.",
  },
  {
    host: text({ doc: "Where Zipkin is; looked up anew for every batch.", default: "localhost" }),
    port: port({ doc: "The port of its Scribe collector.", default: 9410 }),
    sampleRate: number({ doc: RATE, default: DEFAULT_RATE, min: 0, max: 1 }),
  },
);
