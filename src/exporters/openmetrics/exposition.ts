// Writes all families, in the text format of Prometheus 0.0.4 or as OpenMetrics 1.0. Both say the same in nearly the same words.
import type { Distribution, MetricsTree, Reading } from "../../telemetry/tree.ts";
import { ChunkedText } from "../../telemetry/chunked-text.ts";
import type { MetricDoc } from "../../telemetry/names.ts";
import { FAMILIES, familiesOf, type Family, sampleName } from "./families.ts";
import type { Format } from "./format.ts";
import { type Place, placesBelow } from "./places.ts";

/** How many places are looked at before others may have their turn. */
const PLACES_PER_PIECE = 200;

/**
 * All metrics below `root`, piece by piece; some pieces are empty and only mean "let others run". Write one piece, or a few, per turn
 * of the event loop: values are read when their piece is made. What is pruned meanwhile is left out from then on, and what comes anew
 * waits for the next time: so no series is written twice. Distributions that never saw a value are left out.
 * @param declared metrics besides those of the catalogue.
 */
export function* exposition(
  root: MetricsTree,
  format: Format,
  declared: readonly MetricDoc[] = [],
): Generator<string, void, undefined> {
  const text = new ChunkedText();
  const entities = new Map<string, readonly Place[]>();
  let looked = 0;
  for (const family of declared.length === 0 ? FAMILIES : [...FAMILIES, ...familiesOf(declared)]) {
    let places = entities.get(family.entity);
    if (places === undefined) entities.set(family.entity, (places = yield* gather(root, family.entity)));
    let begun = false;
    for (const place of places) {
      for (const { scope, labels } of placesBelow(place, family.path)) {
        const { metric, segment } = scope;
        if (metric === null || isSilent(metric) || family.without?.test(segment) === true) continue;
        if (!begun) text.add(headOf(family, format));
        begun = true;
        writeMetric(family, labels, metric, text);
      }
      if (text.full) yield text.take();
      else if (++looked % PLACES_PER_PIECE === 0) yield "";
    }
  }
  if (format.open) text.add("# EOF\n");
  yield text.take();
}

/** A list once and for all: the scopes themselves come and go while others have their turn. */
function* gather(root: MetricsTree, entity: string): Generator<string, readonly Place[], undefined> {
  const places: Place[] = [];
  for (const place of placesBelow({ scope: root, labels: "" }, entity.split("/"))) {
    places.push(place);
    if (places.length % PLACES_PER_PIECE === 0) yield "";
  }
  return places;
}

function isSilent(metric: Reading): boolean {
  return metric.kind === "stat" && metric.totalCount === 0;
}

function headOf(family: Family, { open }: Format): string {
  const name = open ? family.name : sampleName(family);
  const unit = open && family.unit !== "" ? `# UNIT ${name} ${family.unit}\n` : "";
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${name} ${open ? help.replaceAll('"', '\\"') : help}\n# TYPE ${name} ${family.type}\n${unit}`;
}

function writeMetric(family: Family, labels: string, metric: Reading, text: ChunkedText): void {
  if (metric.kind === "stat") writeHistogram(family.name, labels, metric, text);
  else text.add(sample(sampleName(family), labels, metric.value / family.perUnit));
}

function writeHistogram(name: string, labels: string, metric: Distribution, text: ChunkedText): void {
  const { perBaseUnit, upTo } = metric.bounds;
  const separator = labels === "" ? "" : ",";
  let count = 0;
  for (const [i, more] of metric.countsByBound().entries()) {
    count += more;
    text.add(sample(`${name}_bucket`, `${labels}${separator}le="${boundText(upTo[i])}"`, count));
  }
  text.add(sample(`${name}_sum`, labels, metric.totalSum / perBaseUnit));
  text.add(sample(`${name}_count`, labels, count));
}

/** As OpenMetrics has it, in both formats: a series keeps its labels when a scraper asks for the other one. */
function boundText(bound: number | undefined): string {
  if (bound === undefined) return "+Inf";
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
