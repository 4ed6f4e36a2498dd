// All runs of a result: every scenario with every balancer, and where it says so with every set of policies.
import type { Contender } from "./balancers.ts";
import { policies } from "./policies.ts";
import { type PolicyName, type Scenario, policyNames } from "./scenario.ts";
import { simulate } from "./simulate.ts";
import { type Row, rowOf } from "./summary.ts";

export interface Combination {
  readonly scenario: Scenario;
  readonly contender: Contender;
  readonly policy: PolicyName;
}

/** The balancer that sets of policies are compared with: the product's default. */
export const POLICY_BALANCER = "p2c";

/** @param wanted a set of policies for all, instead of the scenario's own and the comparison. */
export function combinations(
  scenarios: readonly Scenario[],
  contenders: readonly Contender[],
  wanted?: PolicyName,
): Combination[] {
  return scenarios.flatMap((scenario) => [
    ...contenders
      .filter(({ name }) => !scenario.without.includes(name))
      .map((contender) => ({ scenario, contender, policy: wanted ?? scenario.policy })),
    ...(scenario.comparesPolicies && wanted === undefined ? policyRuns(scenario, contenders) : []),
  ]);
}

function policyRuns(scenario: Scenario, contenders: readonly Contender[]): Combination[] {
  const contender = contenders.find(({ name }) => name === POLICY_BALANCER);
  if (contender === undefined) return [];
  return policyNames.filter((policy) => policy !== scenario.policy).map((policy) => ({ scenario, contender, policy }));
}

export function runAll(
  wanted: readonly Combination[],
  seeds: readonly number[],
  progress: (done: number, of: Combination) => void,
): Row[] {
  return wanted.map((combination, done) => {
    progress(done, combination);
    const { scenario, contender, policy } = combination;
    const runs = seeds.map((seed) => simulate(scenario, contender, policies[policy], seed));
    return rowOf(scenario.name, contender.name, policy, runs);
  });
}
