import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { Exchange } from "../../core/exchange.ts";
import { admitContext, type AdmissionOptions } from "./admit.ts";
import { LocalDtabs } from "./local-dtabs.ts";
import { LINKERD_OVERRIDES } from "./overrides.ts";

const ENDS = { remote: "10.0.0.7:51234", local: "10.0.0.1:4140" };

function options(more: Partial<AdmissionOptions> = {}): AdmissionOptions {
  const { clock } = new ManualEnv(1_700_000_000_000);
  const localDtabs = new LocalDtabs((text) => text, clock);
  const overrides = LINKERD_OVERRIDES;
  return {
    clearContext: false,
    b3: false,
    maxCallDepth: 3,
    timestampHeader: "",
    forwarded: null,
    localDtabs,
    overrides,
    ...more,
  };
}

// Span 1, parent 2, trace 3, no flags.
const TRACE = Buffer.from("0000000000000001000000000000000200000000000000030000000000000000", "hex").toString("base64");
const FIELDS = [
  ["l5d-ctx-trace", TRACE],
  ["l5d-ctx-dtab", "/a=>/b"],
  ["l5d-dtab", "/c=>/d"],
  ["l5d-ctx-deadline", "1 2"],
  ["via", "1.1 a, 2 b"],
] as const;
const LINES = FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("");

test.each([
  ["HTTP/1", requestHead(`GET / HTTP/1.1\r\nHost: web\r\n${LINES}\r\n`)],
  ["HTTP/2", new PlainHttp2Request("GET", "/", "web", FIELDS)],
])("Admission reads the same context from %s", (_version, request) => {
  const ex = new Exchange();
  expect(admitContext(ex, request, ENDS, options())).toBeNull();
  expect(ex.trace).toMatchObject({ known: true, spanLow: 1, parentLow: 2, traceLow: 3, wide: false });
  expect(ex.localDtab).toBe("/a=>/b;/c=>/d");
  expect(ex.deadline).toMatchObject({ timestampRestNs: 1, deadlineRestNs: 2 });
  expect(admitContext(new Exchange(), request, ENDS, options({ maxCallDepth: 1 }))?.token()).toContain("max=1");
  expect(admitContext(new Exchange(), request, ENDS, options({ maxCallDepth: 2 }))).toBeNull();
});

test.each(["", "short", `${TRACE}AAAA`, TRACE.repeat(2)])(
  "Admission ignores the trace %j of an HTTP/2 request",
  (trace) => {
    const ex = new Exchange();
    admitContext(ex, new PlainHttp2Request("GET", "/", "web", [["l5d-ctx-trace", trace]]), ENDS, options());
    expect(ex.trace.known).toBe(false);
  },
);

test("Admission adds Forwarded and the time of arrival in the words of the version", () => {
  const forwarded = { by: () => "_proxy", for: () => "unknown" };
  const given = options({ forwarded, timestampHeader: "X-Request-Start" });
  const http1 = requestHead("GET / HTTP/1.1\r\nHost: web:80\r\n\r\n");
  admitContext(new Exchange(), http1, ENDS, given);
  expect(http1.extraLines).toBe('Forwarded: by=_proxy;for=unknown;host="web:80"\r\nX-Request-Start: 1700000000000\r\n');
  const http2 = new PlainHttp2Request("GET", "/", "web:80");
  admitContext(new Exchange(), http2, ENDS, given);
  expect(http2.get("forwarded")).toBe('by=_proxy;for=unknown;authority="web:80"');
  expect(http2.get("x-request-start")).toBe("1700000000000");
});

test("Admission at the edge believes no context", () => {
  const request = new PlainHttp2Request("GET", "/", "web", FIELDS);
  const ex = new Exchange();
  expect(admitContext(ex, request, ENDS, options({ clearContext: true }))).toBeNull();
  expect(request.clearContext).toBe(true);
  expect(ex.trace.known).toBe(false);
  expect(ex.localDtab).toBe("");
});
