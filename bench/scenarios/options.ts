// The command line of `npm run scenarios -- …`.
import { parseArgs } from "node:util";
import { matches } from "../options.ts";

export interface Options {
  readonly only: readonly string[];
  readonly proxies: readonly string[];
  readonly seconds: number;
  readonly rate: number;
  readonly seed: number;
  readonly repeat: number;
  readonly save: boolean;
  readonly docs: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run scenarios -- [options]

  --only A,B        only these; a trailing * matches any ending (http-*, grpc-flap)
  --proxy A,B       only these: fairlead, haproxy, nginx
  --seconds N       length of a run: a fifth before the fault, two fifths with it, two fifths after (default 25)
  --rate N          requests per second (default 200)
  --seed N          chooses the backends that fail, and the order of the proxies (default 1)
  --repeat N        repeat a run while other programs used most of a core, up to N times; the calmest counts (default 2)
  --save            keep the result in bench/results/scenarios.json
  --docs            the same, and print docs/resilience from it
  --list            names and sentences of all scenarios

All of it takes about half an hour. One scenario through one proxy:  npm run scenarios -- --only http-flap --proxy fairlead
`;

const SPECIFICATION = {
  only: { type: "string", default: "" },
  proxy: { type: "string", default: "" },
  seconds: { type: "string", default: "25" },
  rate: { type: "string", default: "200" },
  seed: { type: "string", default: "1" },
  repeat: { type: "string", default: "2" },
  save: { type: "boolean", default: false },
  docs: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function words(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/** A number between two bounds. Throws with the option's name otherwise. */
function numeric(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`--${name} ${text}: expected a whole number from ${least} to ${most}`);
}

/** Reads the command line. Throws with a sentence on a bad one. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: SPECIFICATION });
  return {
    only: words(values.only),
    proxies: words(values.proxy),
    // A second is what success and recovery are looked for in: shorter phases have none.
    seconds: numeric("seconds", values.seconds, 10, 600),
    rate: numeric("rate", values.rate, 10, 5000),
    seed: numeric("seed", values.seed, 1, 2 ** 31),
    repeat: numeric("repeat", values.repeat, 0, 100),
    save: values.save || values.docs,
    docs: values.docs,
    list: values.list,
    help: values.help,
  };
}

/** The ones of `names` that were asked for. Throws when a pattern means none. */
export function chosen(what: string, names: readonly string[], patterns: readonly string[]): string[] {
  const stranger = patterns.find((pattern) => !names.some((name) => matches([pattern], name)));
  if (stranger !== undefined) throw new Error(`no ${what} ${stranger}; there are ${names.join(", ")}`);
  return names.filter((name) => patterns.length === 0 || matches(patterns, name));
}
