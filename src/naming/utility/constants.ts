// Namers that always say the same: /$/nil, /$/fail and /$/io.buoyant.http.status.
import { Activity } from "../../core/activity.ts";
import { empty, fail, leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { pathFrom } from "../../core/path.ts";

/** `/$/nil/…`: exists, and has no addresses. */
export function nilNamer(): Namer {
  return { prefix: pathFrom("/$/nil"), lookup: () => Activity.ok<NamedTree>(empty) };
}

/** `/$/fail/…`: stop here. */
export function failNamer(): Namer {
  return { prefix: pathFrom("/$/fail"), lookup: () => Activity.ok<NamedTree>(fail) };
}

/** `/$/io.buoyant.http.status/503/…`: a service that answers every request with that status. */
export function statusNamer(): Namer {
  const prefix = pathFrom("/$/io.buoyant.http.status");
  return {
    prefix,
    lookup: (rest) => {
      const [code = ""] = rest.segments;
      if (!/^[1-5]\d\d$/.test(code)) return Activity.ok<NamedTree>(neg);
      const id = prefix.concat(rest.take(1));
      return Activity.ok<NamedTree>(
        leaf({ kind: "canned", id, residual: rest.drop(1), canned: { status: Number(code) } }),
      );
    },
  };
}
