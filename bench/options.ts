// The command line of `npm run bench -- …`.
import { parseArgs } from "node:util";

export interface Options {
  readonly rows: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly long: boolean;
  readonly force: boolean;
  readonly waitS: number;
  readonly seed: number;
  readonly proxies: readonly string[];
  readonly base: string | undefined;
  readonly save: boolean;
  readonly readme: boolean;
  /** All 100 host names share one group of upstream servers, in every proxy; else each has a group of its own. */
  readonly sharedUpstream: boolean;
  readonly validate: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run bench -- [options]

  --quick              3 short rounds and few rows (all that --rows names, when given)
  --rows A,B           only these rows; a trailing * matches any ending (h1-64k*)
  --proxies A,B        only these: nginx, nghttpx, haproxy, envoy, relay, fairlead, base
  --base FOLDER        also measure fairlead from another checkout, as "base"
  --rounds N           rounds per row (default 7, quick 3)
  --long               15 rounds and latency windows of 60 s
  --seed N             seed of the shuffled order (default: the clock; it is recorded)
  --wait S             wait up to S seconds for a quiet box before giving up
  --force              measure on a loaded box all the same; recorded in the result
  --save               keep the result in bench/results (full runs are always kept there)
  --readme             also put the table into README.md
  --shared-upstream    one group of upstream servers for all 100 host names, in every proxy (default: one each)
  --validate           compare the load generator with wrk and h2load instead of measuring
  --list               names and sentences of all rows

Tuning the hot path:  npm run bench -- --quick --rows h1-1k-c64
Before and after:     npm run bench -- --quick --rows h1-1k-c64 --base ../other-checkout --proxies fairlead,base
`;

const SPECIFICATION = {
  quick: { type: "boolean", default: false },
  rows: { type: "string", default: "" },
  proxies: { type: "string", default: "" },
  base: { type: "string" },
  rounds: { type: "string" },
  long: { type: "boolean", default: false },
  seed: { type: "string" },
  wait: { type: "string", default: "0" },
  force: { type: "boolean", default: false },
  save: { type: "boolean", default: false },
  readme: { type: "boolean", default: false },
  "shared-upstream": { type: "boolean", default: false },
  validate: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function words(text: string): string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** A whole number at least `least`. Throws with the option's name otherwise. */
function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} ${text}: expected a whole number, ${least} or more`);
}

/** Reads the command line. `seed` is used when none is given. Throws with a sentence on a bad one. */
export function parseOptions(args: readonly string[], seed: number): Options {
  const { values } = parseArgs({ args: [...args], options: SPECIFICATION });
  const rounds = values.quick ? 3 : values.long ? 15 : 7;
  return {
    rows: words(values.rows),
    rounds: values.rounds === undefined ? rounds : whole("rounds", values.rounds, 1),
    quick: values.quick,
    long: values.long,
    force: values.force,
    waitS: whole("wait", values.wait, 0),
    seed: values.seed === undefined ? seed : whole("seed", values.seed, 1),
    proxies: words(values.proxies),
    base: values.base,
    save: values.save,
    readme: values.readme,
    sharedUpstream: values["shared-upstream"],
    validate: values.validate,
    list: values.list,
    help: values.help,
  };
}

/** Whether a row was asked for by name or by a pattern with a trailing star. */
export function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name));
}
