// Reads what a scraper gets, strictly, and holds it to the rules of `promtool check metrics` and of OpenMetrics 1.0: what cannot be
// parsed, families torn apart, series that come twice, histograms that fall, and names that are not as they should be.

/** One line with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

/** A family as it was written. */
interface Family {
  readonly name: string;
  readonly words: Map<string, string>;
  readonly samples: Sample[];
}

/** What was read, and everything that is wrong with it. */
export interface Reading {
  readonly samples: readonly Sample[];
  readonly problems: readonly string[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,|$)/y;
const NUMBER = /^(?:NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
};
const NOT_BASE =
  /^(?:(?:milli|micro|nano)?seconds?|minutes?|hours?|days?|(?:kilo|mega|giga|kibi|mebi|gibi)?bytes?|bits?|percent)$/;
const ABBREVIATIONS = "s ms us ns sec b kb mb gb tb pb m h d num avg exn".split(" ");
const TYPES = "counter gauge histogram summary".split(" ");

/** @param open whether it should be OpenMetrics. */
export function readMetrics(text: string, open: boolean): Reading {
  const problems: string[] = [];
  const families = new Map<string, Family>();
  const lines = text.split("\n");
  if (lines.pop() !== "") problems.push("the last line does not end");
  if (open && lines.at(-1) === "# EOF") lines.pop();
  else if (open) problems.push("there is no # EOF at the end");
  let current: Family | undefined;
  for (const line of lines) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? [];
    if (word === undefined) {
      const sample = sampleOf(line);
      if (sample === undefined) problems.push(`cannot be read: ${line}`);
      else if (current === undefined) problems.push(`belongs to no family: ${line}`);
      else current.samples.push(sample);
      continue;
    }
    if (current?.name !== name) {
      if (families.has(name)) problems.push(`${name} is torn apart`);
      current = { name, words: new Map(), samples: [] };
      families.set(name, current);
    }
    if (current.words.has(word) || current.samples.length > 0) problems.push(`${word} of ${name} comes twice or late`);
    current.words.set(word, rest);
  }
  const all = [...families.values()];
  const samples = all.flatMap((family) => family.samples);
  problems.push(...all.flatMap((family) => problemsOf(family, open)), ...repeated(samples), ...clashes(all));
  return { samples, problems };
}

function sampleOf(line: string): Sample | undefined {
  const [, name, text, value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined || !NUMBER.test(value)) return undefined;
  const labels = text === undefined ? new Map<string, string>() : labelsOf(text);
  return labels === undefined ? undefined : { name, labels, value: numberOf(value) };
}

function labelsOf(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, key = "", value = ""] = LABEL.exec(text) ?? [];
    if (key === "" || labels.has(key)) return undefined;
    labels.set(
      key,
      value.replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c)),
    );
  }
  return labels;
}

function numberOf(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}

function problemsOf({ name, words, samples }: Family, open: boolean): string[] {
  const type = words.get("TYPE") ?? "";
  const unit = words.get("UNIT");
  const stem = !open && type === "counter" ? name.replace(/_total$/, "") : name;
  const parts = stem.split("_");
  const allowed = SUFFIXES[type]?.map((suffix) => `${stem}${suffix}`);
  const wrong: (readonly [boolean, string])[] = [
    [(words.get("HELP") ?? "") === "", "has no help"],
    [allowed === undefined, `has the type "${type}"`],
    [samples.some((sample) => allowed?.includes(sample.name) === false), "has a sample of another name"],
    [samples.length === 0, "has no samples"],
    [!open && type === "counter" && stem === name, "is a counter without _total"],
    [/_(?:total|bucket|count|sum|created|info)$/.test(stem), "ends in a word that is reserved"],
    [/[^a-z0-9_]/.test(name), "has a character that does not belong there"],
    [parts.some((part) => TYPES.includes(part)), "has a type in its name"],
    [parts.some((part) => ABBREVIATIONS.includes(part)), "has an abbreviation in its name"],
    [parts.some((part) => NOT_BASE.test(part) && !/^(?:seconds|bytes)$/.test(part)), "is in no base unit"],
    [unit !== undefined && !name.endsWith(`_${unit}`), "does not end in its unit"],
    [open && unit === undefined && /_(?:seconds|bytes|ratio)$/.test(name), "does not say its unit"],
    [!open && unit !== undefined, "says a unit, which the text format does not know"],
    [type === "counter" && samples.some(({ value }) => !(value >= 0)), "is a counter below zero"],
    [type !== "histogram" && samples.some(({ labels }) => labels.has("le")), "has le and is no histogram"],
  ];
  const own = wrong.flatMap(([is, what]) => (is ? [`${name} ${what}`] : []));
  return type === "histogram" ? [...own, ...histogramProblems(name, samples)] : own;
}

function histogramProblems(name: string, samples: readonly Sample[]): string[] {
  const groups = Map.groupBy(samples, ({ labels }) => keyOf(labels, "le"));
  return [...groups].flatMap(([labels, members]) => {
    const buckets = members.filter((member) => member.name.endsWith("_bucket"));
    const bounds = buckets.map((bucket) => numberOf(bucket.labels.get("le") ?? "NaN"));
    const count = members.filter((member) => member.name.endsWith("_count"));
    const sums = members.filter((member) => member.name.endsWith("_sum"));
    const rises = (numbers: readonly number[], strictly: boolean) =>
      numbers.every((n, i) => i === 0 || (strictly ? n > (numbers[i - 1] ?? n) : n >= (numbers[i - 1] ?? n)));
    const good =
      rises(bounds, true) &&
      rises(
        buckets.map(({ value }) => value),
        false,
      ) &&
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      count.length === 1 &&
      sums.length === 1 &&
      count[0]?.value === buckets.at(-1)?.value;
    return good ? [] : [`${name}{${labels}} is no histogram`];
  });
}

function repeated(samples: readonly Sample[]): string[] {
  const series = Map.groupBy(samples, ({ name, labels }) => `${name}{${keyOf(labels)}}`);
  return [...series].flatMap(([key, { length }]) => (length > 1 ? [`${key} comes ${length} times`] : []));
}

/** No family may have the name of another one's samples. */
function clashes(families: readonly Family[]): string[] {
  const names = new Set(families.map(({ name }) => name));
  return families.flatMap((family) =>
    [...new Set(family.samples.map(({ name }) => name))]
      .filter((name) => name !== family.name && names.has(name))
      .map((name) => `${name} is a family and a sample of ${family.name}`),
  );
}

function keyOf(labels: ReadonlyMap<string, string>, without?: string): string {
  const pairs = [...labels].filter(([key]) => key !== without).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.toSorted().join();
}
