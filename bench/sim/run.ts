// `npm run sim`: balancers, accrual and budgets in simulated time.
import { join } from "node:path";
import { contenders } from "./balancers.ts";
import { combinations, runAll } from "./campaign.ts";
import { chosen, type Options, parseOptions, USAGE } from "./options.ts";
import { files, textReport, writeFiles } from "./report.ts";
import { allScenarios, allSeeds, type Scenario } from "./scenario.ts";

const ROOT = join(import.meta.dirname, "../..");

async function main(options: Options): Promise<void> {
  const scenarios = await allScenarios();
  if (options.help) return void process.stdout.write(USAGE);
  if (options.list) return list(scenarios);
  const wanted = chosen("scenario", scenarios, options.scenarios);
  const balancers = chosen("balancer", contenders, options.balancers);
  const seeds = allSeeds().slice(0, options.seeds);
  const runs = combinations(wanted, balancers, options.policy);
  const rows = runAll(runs, seeds, (done, { scenario, contender, policy }) =>
    progress(`[${done + 1}/${runs.length}] ${scenario.name} ${contender.name} ${policy}`),
  );
  progress("");
  const results = {
    scenarios: options.policy === undefined ? wanted : wanted.map((one) => ({ ...one, policy: options.policy! })),
    balancers: contenders.map(({ name }) => name),
    seeds,
    rows,
  };
  process.stdout.write(textReport(results));
  const out = options.out ?? (isWhole(options) ? ROOT : undefined);
  if (out !== undefined) writeFiles(files(results), out);
}

function isWhole({ scenarios, balancers, policy, seeds }: Options): boolean {
  return scenarios.length === 0 && balancers.length === 0 && policy === undefined && seeds === undefined;
}

function list(scenarios: readonly Scenario[]): void {
  const lines = [
    ...scenarios.map(({ name, doc }) => `${name.padEnd(18)}${doc}`),
    "",
    ...contenders.map(({ name, doc }) => `${name.padEnd(18)}${doc}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== "") process.stderr.write(`${text}\n`);
}

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`sim: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
