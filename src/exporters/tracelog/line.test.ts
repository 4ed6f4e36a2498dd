import { expect, test } from "vitest";
import { traced } from "../../../test/support/traced.ts";
import { traceLine } from "./line.ts";

test("A request is one line of keys and values; what there is not is left out", () => {
  expect(traceLine(traced())).toBe(
    'trace=00000000000000aa span=00000000000000bb parent=00000000000000aa client_span=00000000000000cc router=http server=127.0.0.1:4140 remote=10.0.0.1:50000 method=GET host=users uri=/users/7 service=/svc/users client=/#/io.l5d.fs/users endpoint=10.0.0.2:8080 status=200 outcome=success sent_after_ms=0.5 answered_after_ms=11.75 duration_ms=12.5 attempts=1 decisions="0.5 ms: attempt 1 to 10.0.0.2:8080 (alive, load 0, 0 pending, of 3)"',
  );
});

test("One that was sent to nobody has no client's span, and says why", () => {
  const refused = traced({
    parentSpan: null,
    clientSpan: null,
    sentAfterMs: null,
    answeredAfterMs: null,
    service: "",
    client: "",
    endpoint: "",
    status: 400,
    outcome: "failure",
    cause: "proxy.identify.none",
    attempts: 0,
    decisions: [],
  });
  expect(traceLine(refused)).toBe(
    "trace=00000000000000aa span=00000000000000bb router=http server=127.0.0.1:4140 remote=10.0.0.1:50000 method=GET host=users uri=/users/7 status=400 outcome=failure cause=proxy.identify.none duration_ms=12.5 attempts=0",
  );
});

test("No line can be forged by what a caller sends", () => {
  const line = traceLine(traced({ uri: '/a"\r\nstatus=200 \u00e9\u007f', host: "a b=c", method: "GE\\T" }));
  expect(line).toContain('method="GE\\\\T" host="a b=c" uri="/a\\"\\r\\nstatus=200 \\u00e9\\u007f" ');
  expect(line).toMatch(/^[ -~]+$/);
});
