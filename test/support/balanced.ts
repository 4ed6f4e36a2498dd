// Balancers with nodes whose readiness the test sets, and what they count.
import { createBalancer, type BalancerSpec } from "../../src/balance/balancer.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { type Balancer, type BalancerNode, EndpointStatus, type LoadCell } from "../../src/core/picker.ts";
import { MetricsRegistry, type Place, type Scope } from "../../src/telemetry/registry.ts";
import { ManualEnv } from "./manual-env.ts";
import { undeclaredMetrics } from "./undeclared-metrics.ts";

/** An endpoint as a balancer sees it. */
export class FakeNode implements BalancerNode {
  readonly key: string;
  readonly cell: LoadCell;
  weight = 1;
  ready: EndpointStatus = EndpointStatus.open;
  /** Requests it was picked for. */
  picked = 0;

  constructor(key: string, cell: LoadCell) {
    this.key = key;
    this.cell = cell;
  }

  status(): EndpointStatus {
    return this.ready;
  }

  settledStatus(): EndpointStatus {
    return this.ready;
  }
}

/** Numbers that come in the order given, whatever their bound; then zeros. */
export const scripted = (...numbers: number[]): Random => ({
  int: () => numbers.shift() ?? 0,
  next: () => numbers.shift() ?? 0,
  bits32: () => 0,
});

/** One balancer under test. */
export class Bench {
  readonly balancer: Balancer<FakeNode>;
  readonly scope: Scope;
  /** Keys of nodes that left late, and of those that expired. */
  readonly left: string[] = [];
  readonly expired: string[] = [];
  nowMs = 0;
  readonly #registry: MetricsRegistry;

  constructor(spec: BalancerSpec, random: Random = seededRandom(12345)) {
    const env = new ManualEnv();
    this.#registry = new MetricsRegistry(env);
    this.scope = this.#registry.root.scope("rt", "http", "client", "#/a", "loadbalancer");
    this.balancer = createBalancer<FakeNode>(spec, { clock: env.clock, timers: env.timers, random }, this.scope, {
      left: ({ key }) => this.left.push(key),
      expired: ({ key }) => this.expired.push(key),
    });
  }

  /** Makes these the members: nodes known by their key, or new ones. */
  update(...keys: readonly string[]): FakeNode[] {
    this.balancer.update(keys.map((key) => this.balancer.get(key) ?? new FakeNode(key, this.balancer.newCell())));
    return [...this.balancer.nodes];
  }

  /** `10.0.0.0:80` and so on. */
  fill(count: number): FakeNode[] {
    return this.update(...Array.from({ length: count }, (_, n) => `10.0.${n >> 8}.${n & 255}:80`));
  }

  /** Picks a node, which then has one request more in progress. */
  start(): FakeNode {
    const node = this.balancer.pick(this.nowMs) as FakeNode;
    node.cell.start(this.nowMs);
    node.picked++;
    return node;
  }

  end(node: FakeNode): void {
    node.cell.end(this.nowMs, this.nowMs);
  }

  /** Requests one after the other. */
  serve(times: number): void {
    for (let n = 0; n < times; n++) this.end(this.start());
  }

  undeclared(): string[] {
    return undeclaredMetrics(this.#registry.root);
  }

  /** A counter or gauge, such as `loadband/widen`. */
  read(name: string): number | undefined {
    const place = name.split("/").reduce<Place | undefined>((at, segment) => at?.existing(segment), this.scope);
    const metric = place?.metric;
    return metric?.kind === "stat" ? undefined : metric?.value;
  }
}
