// The namers a path can go to when the dtab says nothing of it.
import { Activity } from "../core/activity.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { neg } from "../core/name-tree.ts";
import type { Path } from "../core/path.ts";

const UTILITY = "$";

/** Configured namers (`/#/…`) in their order of preference, and the built-in ones (`/$/…`) by class. */
export class NamerTable {
  /** In the order they are asked: the last configured first (linkerd1 §3.3). */
  readonly configured: readonly Namer[];
  readonly #utilities: ReadonlyMap<string, Namer>;

  /** @param configured in the order of the configuration file. */
  constructor(configured: readonly Namer[], utilities: readonly Namer[]) {
    this.configured = configured.toReversed();
    this.#utilities = new Map(utilities.map((namer) => [namer.prefix.segments[1] ?? "", namer]));
  }

  /** The namers that answer for `path`, in the order they are asked. */
  matching(path: Path): readonly Namer[] {
    const found = this.configured.filter((namer) => path.startsWith(namer.prefix));
    const utility = path.segments[0] === UTILITY ? this.#utilities.get(path.segments[1] ?? "") : undefined;
    return utility === undefined ? found : [...found, utility];
  }

  /** The answer for a path no namer answers for: a `/$/class` nobody knows is a mistake to be told of, everything else is no name. */
  unmatched(path: Path): Activity<NamedTree> {
    if (path.segments[0] !== UTILITY || path.size < 2) return nothing;
    return Activity.failed(`there is no built-in namer ${path.take(2).show()}; known are ${this.#known()}`);
  }

  #known(): string {
    return [...this.#utilities.keys()].map((name) => `/$/${name}`).join(", ");
  }
}

const nothing: Activity<NamedTree> = Activity.ok(neg);

/** Asks a namer; one that throws has failed to name, which is no reason to fail anything else. */
export function ask(namer: Namer, path: Path): Activity<NamedTree> {
  try {
    return namer.lookup(path.drop(namer.prefix.size));
  } catch (error) {
    return Activity.failed(`${namer.prefix.show()}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
