import { expect, test } from "vitest";
import { formatFor } from "./format.ts";

test("OpenMetrics is for those who ask for it, the text format for all others", () => {
  const open = (accept: string | undefined) => formatFor(accept).open;
  // Prometheus 2.42, 2.53 and 3.
  expect(
    open(
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    ),
  ).toBe(true);
  expect(
    open(
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    ),
  ).toBe(true);
  expect(open("application/openmetrics-text")).toBe(true);
  expect(open('text/html, Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8')).toBe(true);
  for (const accept of [
    undefined,
    "",
    "*/*",
    "text/plain",
    "application/*",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;q=0",
    "application/openmetrics-text;q=much",
    "application/openmetrics-text;q=0.5, text/plain;q=0.6",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  ]) {
    expect(open(accept)).toBe(false);
  }
});
