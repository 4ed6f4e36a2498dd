// The command line of `npm run sim -- …`.
import { parseArgs } from "node:util";
import { type PolicyName, policyNames } from "./scenario.ts";

export interface Options {
  readonly scenarios: readonly string[];
  readonly balancers: readonly string[];
  readonly policy: PolicyName | undefined;
  /** How many of the seeds. */
  readonly seeds: number | undefined;
  readonly out: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run sim -- [options]

  --scenario A,B    only these scenarios (bench/sim/scenarios)
  --balancer A,B    only these balancers
  --policy NAME     this set of policies everywhere: ${policyNames.join(", ")}
  --seeds N         only the first N seeds of bench/sim/seeds.json
  --out FOLDER      write page, pictures and figures below this folder
  --list            names and sentences of scenarios and balancers

Without options everything is run, and docs/resilience and bench/results/sim.json are written.
`;

const SPECIFICATION = {
  scenario: { type: "string", default: "" },
  balancer: { type: "string", default: "" },
  policy: { type: "string" },
  seeds: { type: "string" },
  out: { type: "string" },
  list: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Throws with a sentence on a bad one. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: SPECIFICATION });
  return {
    scenarios: words(values.scenario),
    balancers: words(values.balancer),
    policy: values.policy === undefined ? undefined : only("policy", policyNames, values.policy),
    seeds: values.seeds === undefined ? undefined : whole("seeds", values.seeds),
    out: values.out,
    list: values.list,
    help: values.help,
  };
}

/** Those asked for by name, in their own order; all when none is. Throws on a name that is not there. */
export function chosen<T extends { readonly name: string }>(
  option: string,
  all: readonly T[],
  names: readonly string[],
): readonly T[] {
  for (const name of names)
    only(
      option,
      all.map((one) => one.name),
      name,
    );
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

function only<W extends string>(option: string, known: readonly W[], word: string): W {
  const found = known.find((one) => one === word);
  if (found === undefined) throw new Error(`--${option} ${word}: expected one of ${known.join(", ")}`);
  return found;
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new Error(`--${name} ${text}: expected a whole number, 1 or more`);
}

function words(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}
