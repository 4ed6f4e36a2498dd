// A scenario as its file says it: what is offered to which instances, what goes wrong, and what should come of it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { kindOf } from "../../src/config/kinds.ts";
import { load } from "../../src/config/load.ts";
import { renderProblems } from "../../src/config/problems.ts";
import { bool, int, type Infer, list, number, object, text, word } from "../../src/config/schema.ts";

/** Names of the sets of policies that `policies.ts` describes. */
export const policyNames = ["bare", "accrual", "default", "retries", "earned", "storm", "modern"] as const;
export type PolicyName = (typeof policyNames)[number];

const ms = (doc: string) => int({ doc, unit: "ms", required: true });
const rate = (doc: string) => number({ doc, required: true, min: 0.001 });

const service = kindOf(
  { doc: "How long the work of one request takes an instance that is well.", required: true },
  {
    uniform: object(
      { doc: "Between two bounds, all lengths alike." },
      { minMs: ms("The shortest."), maxMs: ms("The longest.") },
    ),
    exponential: object({ doc: "Exponential: memoryless, as in M/M/k." }, { meanMs: rate("The mean.") }),
    lognormal: object(
      { doc: "Lognormal: most are near the median, a few take much longer." },
      { medianMs: rate("The median."), sigma: rate("The spread of its logarithm.") },
    ),
    bimodal: object(
      { doc: "Two classes of requests, each exponential." },
      {
        meanMs: rate("The mean of the short ones."),
        longMeanMs: rate("The mean of the long ones."),
        longShare: number({ doc: "The share of long ones.", required: true, max: 1 }),
      },
    ),
  },
);

const whom = {
  first: int({ doc: "The first instance concerned, counted from 0.", default: 0 }),
  count: int({ doc: "How many instances, from that on.", required: true, min: 1 }),
  fromMs: int({ doc: "When it begins.", unit: "ms", default: 0 }),
  toMs: int({ doc: "When it is over.", unit: "ms", defaultDoc: "the end of the scenario" }),
};
const how = word({ doc: "An answer 503, or no connection at all.", default: "refuses" }, ["refuses", "errors"]);

const fault = kindOf(
  { doc: "What goes wrong." },
  {
    slow: object(
      { doc: "Work takes longer." },
      {
        ...whom,
        factor: number({ doc: "So many times as long.", default: 1, min: 0.01 }),
        takesMs: int({ doc: "Exactly this long, whatever it is.", unit: "ms" }),
      },
    ),
    pauses: object(
      { doc: "Everything in the instance stands still for a while, again and again at random moments." },
      { ...whom, lengthMs: ms("How long it stands still."), everyMs: ms("Mean time from pause to pause.") },
    ),
    errors: object(
      { doc: "Answers 503 at once, without work." },
      {
        ...whom,
        share: number({ doc: "The share of requests answered so.", default: 1, max: 1 }),
        afterMs: int({ doc: "How long the answer takes.", unit: "ms", default: 1 }),
      },
    ),
    refuses: object({ doc: "Takes no connection." }, whom),
    flaps: object(
      { doc: "Down and up again, each instance with a beginning of its own." },
      { ...whom, downMs: ms("How long it is down."), upMs: ms("How long it is up."), how },
    ),
    restarts: object(
      { doc: "Leaves discovery, one instance after the other, and a cold one comes instead." },
      {
        ...whom,
        everyMs: ms("Time from one instance to the next."),
        absentMs: ms("How long it is gone."),
        warmMs: ms("How long it takes to become warm."),
        factor: number({ doc: "Work takes so many times as long while it is cold.", required: true, min: 1 }),
      },
    ),
  },
);

const schema = object(
  { doc: "A scenario." },
  {
    title: text({ doc: "A few words, for headings.", required: true }),
    doc: text({ doc: "What happens, in a sentence.", required: true }),
    expected: text({
      doc: "What a good balancer makes of it, written down before anything was tuned.",
      required: true,
    }),
    policy: word({ doc: "Accrual, requeues and retries.", default: "default" }, policyNames),
    comparesPolicies: bool({ doc: "Also run with all sets of policies.", default: false }),
    without: list({ doc: "Balancers left out, with a reason in `doc`.", default: [] }, text({ doc: "Its name." })),
    durationMs: ms("How long requests come."),
    clients: int({
      doc: "Sidecars that share the load evenly and know nothing of each other.",
      required: true,
      min: 1,
    }),
    requestsPerSec: rate("Requests a second over all clients; they come at random (Poisson)."),
    bursts: list(
      { doc: "Times with another load.", default: [] },
      object(
        { doc: "A burst." },
        { fromMs: ms("When it begins."), toMs: ms("When it is over."), requestsPerSec: rate("The load meanwhile.") },
      ),
    ),
    timeoutMs: int({ doc: "requestAttemptTimeoutMs of the clients.", unit: "ms", required: true, min: 1 }),
    oneWayMs: number({ doc: "Time on the network, each way.", default: 0.25 }),
    instances: object(
      { doc: "Those who serve.", required: true },
      {
        count: int({ doc: "How many.", required: true, min: 1 }),
        workers: int({
          doc: "Requests each works on at a time; the others queue, first come first served.",
          required: true,
          min: 1,
        }),
        crashAtQueue: int({
          doc: "With so many waiting it breaks down and loses them all.",
          min: 1,
          defaultDoc: "never",
        }),
        crashedMs: int({ doc: "How long it is then gone.", unit: "ms", default: 2000 }),
        dropsAbandoned: bool({
          doc: "Whether what nobody waits for any longer is taken out of the queue.",
          default: false,
        }),
      },
    ),
    service,
    faults: list({ doc: "What goes wrong.", default: [] }, fault),
  },
);

export type ScenarioText = Infer<typeof schema>;
export type ServiceSpec = Infer<typeof service>;
export type FaultSpec = Infer<typeof fault>;
export interface Scenario extends ScenarioText {
  readonly name: string;
}

/** Reads one scenario; throws with every problem and its place. */
export async function parseScenario(name: string, file: string, body: string): Promise<Scenario> {
  const { config, problems } = await load(body, schema, { file, formats: { dtab: () => null }, environment: {} });
  if (config === null || problems.length > 0) throw new Error(renderProblems(problems).trimEnd());
  for (const { first, count, kind } of config.faults)
    if (first + count > config.instances.count)
      throw new Error(
        `${file}: "${kind}" concerns instance ${first + count - 1}, and there are ${config.instances.count} from 0`,
      );
  return { ...config, name };
}

const FOLDER = join(import.meta.dirname, "scenarios");

/** All scenarios of the folder, by name. */
export function allScenarios(): Promise<Scenario[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".json"));
  return Promise.all(
    files
      .toSorted()
      .map((file) => parseScenario(file.slice(0, -".json".length), file, readFileSync(join(FOLDER, file), "utf8"))),
  );
}

/** The seeds that every result is made of. */
export function allSeeds(): readonly number[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as number[]; // a file of ours
}
