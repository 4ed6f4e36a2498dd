import { expect, test } from "vitest";
import { METRICS } from "../../telemetry/names.ts";
import { FAMILIES, labelsOf, sampleName } from "./families.ts";
import { OMISSIONS, omissionOf } from "./omissions.ts";

const familyOf = (pattern: string) => {
  const family = FAMILIES.find((known) => known.pattern === pattern);
  return family === undefined ? "none" : `${family.type} ${sampleName(family)}{${labelsOf(family).join()}}`;
};

test("A family is named by what it belongs to, in base units, counters as totals", () => {
  const client = "rt/<router>/client/<bound>";
  expect([
    familyOf("rt/<router>/server/<address>/requests"),
    familyOf("rt/<router>/service/<path>/request_latency_ms"),
    familyOf(`${client}/service/<path>/pending`),
    familyOf(`${client}/backups/backups_sent`),
    familyOf(`${client}/failure_accrual/removed_for_ms`),
    familyOf(`${client}/exn/<cause…>`),
    familyOf("rt/<router>/bindcache/<cache>/misses"),
    familyOf("process/cpu/user_ms"),
    familyOf("process/memory/heap_used_bytes"),
  ]).toEqual([
    "counter fairlead_server_requests_total{router,server}",
    "histogram fairlead_service_request_latency_seconds{router,service}",
    "gauge fairlead_client_service_pending{router,client,service}",
    "counter fairlead_client_backups_sent_total{router,client}",
    "counter fairlead_client_failure_accrual_removed_seconds_total{router,client}",
    "counter fairlead_client_connection_errors_total{router,client,cause}",
    "counter fairlead_router_bindcache_misses_total{router,cache}",
    "counter fairlead_process_cpu_user_seconds_total{}",
    "gauge fairlead_process_memory_heap_used_bytes{}",
  ]);
});

test("Every line of the catalogue has a family of its own or is an omission, and every omission omits something", () => {
  const missing = METRICS.filter(({ pattern }) => familyOf(pattern) === "none").map(({ pattern }) => pattern);
  expect(missing).toEqual([
    "rt/<router>/service/<path>/retries/backoffs_exhausted",
    "rt/<router>/overridden/<path>/retries/backoffs_exhausted",
  ]);
  expect(missing.every((pattern) => omissionOf(pattern)?.only === undefined)).toBe(true);
  expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  for (const { ending } of OMISSIONS) expect(METRICS.some(({ pattern }) => pattern.endsWith(ending))).toBe(true);
});

test("Every variable becomes a label, and no label is there twice", () => {
  for (const family of FAMILIES) {
    const labels = labelsOf(family);
    expect(new Set(labels).size).toBe(labels.length);
  }
});
