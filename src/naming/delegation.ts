// The explanation of a name: every step, with the rule that made it, also of the alternatives that were not taken. The shape is that of the
// original's `/delegator.json` (linkerd1 §3.6), so it is plain data; the keys `namer`, `pending` and `status` are additions.

/** One step of an explanation. */
export type Delegation = Step & (Dead | Waiting | Broken | Delegated | BoundLeaf | Alternatives | Split | Transformed);

/** The name at this step and what made it: a rule of the dtab, or a namer, or neither (it is what was asked for). */
export interface Step {
  /** A path, or `~` or `!` where a rule says so. */
  readonly path: string;
  readonly dentry?: { readonly prefix: string; readonly dst: string };
  readonly namer?: string;
}

interface Dead {
  readonly type: "neg" | "fail" | "empty";
}
interface Waiting {
  readonly type: "pending";
}
interface Broken {
  readonly type: "exception";
  readonly message: string;
}
interface Delegated {
  readonly type: "delegate";
  readonly delegate: Delegation;
}
interface Alternatives {
  readonly type: "alt";
  readonly alt: readonly Delegation[];
}
interface Split {
  readonly type: "union";
  readonly union: readonly { readonly weight: number; readonly tree: Delegation }[];
}
/** What the transformer `name` changed: what it was, a bound name or (for io.l5d.const) `of` something else, and as `tree` what became of it. */
interface Transformed {
  readonly type: "transformation";
  readonly name: string;
  readonly bound?: ExplainedName;
  readonly of?: Delegation;
  readonly tree: Delegation;
}
interface BoundLeaf {
  readonly type: "leaf";
  readonly bound: ExplainedName;
}

/** A bound name: its addresses, its id, and as `path` the residual. */
export interface ExplainedName {
  readonly addr: ExplainedAddresses;
  readonly id: string;
  readonly path: string;
  /** The status the proxy answers with itself, for a name without endpoints. */
  readonly status?: number;
}

export type ExplainedAddresses =
  | {
      readonly type: "bound";
      readonly addrs: readonly ExplainedAddress[];
      readonly meta: Readonly<Record<string, unknown>>;
    }
  | { readonly type: "neg" }
  | { readonly type: "pending" }
  | { readonly type: "failed"; readonly cause: string };

/** As in the original; the path of a unix socket stands for `ip`, and its port is 0. */
export interface ExplainedAddress {
  readonly ip: string;
  readonly port: number;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** What a step comes to when a request is routed. */
export type Outcome = "bound" | "neg" | "fail" | "empty" | "failed" | "pending";

/** The outcome by the rules of binding: the first alternative that is not neg counts; a union is as good as its usable branches. */
export function outcomeOf(tree: Delegation): Outcome {
  switch (tree.type) {
    case "leaf":
      return "bound";
    case "exception":
      return "failed";
    case "transformation":
      return outcomeOf(tree.tree);
    case "delegate":
      return outcomeOf(tree.delegate);
    case "alt":
      return tree.alt.map(outcomeOf).find((outcome) => outcome !== "neg") ?? "neg";
    case "union":
      return unionOutcome(tree.union.map((branch) => outcomeOf(branch.tree)));
    default:
      return tree.type;
  }
}

function unionOutcome(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes("bound")) return "bound";
  if (outcomes.includes("empty")) return "empty";
  if (outcomes.some((outcome) => outcome === "neg" || outcome === "fail") || outcomes.length === 0) return "neg";
  return outcomes.includes("failed") ? "failed" : "pending";
}

/** Whether nothing in the explanation is still pending. */
export function isSettled(tree: Delegation): boolean {
  switch (tree.type) {
    case "pending":
      return false;
    case "leaf":
      return tree.bound.addr.type !== "pending";
    case "transformation":
      return isSettled(tree.tree);
    case "delegate":
      return isSettled(tree.delegate);
    case "alt":
      return tree.alt.every(isSettled);
    case "union":
      return tree.union.every((branch) => isSettled(branch.tree));
    default:
      return true;
  }
}
