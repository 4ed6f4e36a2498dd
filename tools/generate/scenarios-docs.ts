// docs/resilience: the scenarios as they were measured last.
import { documentsOf } from "../../bench/scenarios/documents.ts";
import { kept } from "../../bench/scenarios/result.ts";

export function generated(): ReadonlyMap<string, string> {
  const report = kept();
  return report === undefined ? new Map<string, string>() : documentsOf(report);
}
