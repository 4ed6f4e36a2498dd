// A plug-in in which every method that the proxy calls per request can be made to throw.
import {
  Activity,
  defineAccrual,
  defineFilter,
  defineIdentifier,
  defineNamer,
  definePlugin,
  Down,
  int,
  neg,
  type Refusal,
  word,
} from "fairlead/plugin";

function thrower(at: string): (here: string) => void {
  return (here) => {
    if (here === at) throw new Error(`a bug in ${here}`);
  };
}

export const plugin = definePlugin({
  name: "faulty",
  identifiers: {
    "faulty.identifier": defineIdentifier({
      doc: "Throws where it is told to.",
      keys: { at: word({ doc: "Where.", required: true }, ["key", "path", "apply", "syntax"]) },
      make({ at }) {
        const may = thrower(at);
        return {
          key(ex) {
            if (ex.request.get("x-bug") === undefined) return null;
            may("key");
            return "web";
          },
          path(key) {
            may("path");
            return at === "syntax" ? "no path" : `/svc/${key}`;
          },
          apply: () => may("apply"),
        };
      },
    }),
  },
  filters: {
    "faulty.filter": defineFilter({
      doc: "Throws where it is told to.",
      keys: { at: word({ doc: "Where.", required: true }, ["down", "up", "end", "answered", "make"]) },
      make({ at }) {
        const may = thrower(at);
        may("make");
        const of = (bug: string | undefined, here: string) => (bug === undefined ? undefined : may(here));
        return {
          down(ex) {
            const bug = ex.request.get("x-bug");
            of(bug, "down");
            return bug !== undefined && at === "answered" ? Down.answered : undefined;
          },
          up: (ex) => of(ex.request.get("x-bug"), "up"),
          end: (ex) => of(ex.request.get("x-bug"), "end"),
        };
      },
    }),
    "faulty.late": defineFilter({
      doc: "Makes up its mind after a while, as the request says.",
      keys: { afterMs: int({ doc: "After so long.", unit: "ms", required: true }) },
      make: ({ afterMs }, { env }) => ({
        down(ex) {
          const mind = ex.request.get("x-mind");
          if (mind === undefined) return undefined;
          const { promise, resolve, reject } = Promise.withResolvers<Refusal | undefined>();
          env.timers.after(afterMs, () => {
            if (mind === "throw") reject(new Error("a bug in its mind"));
            else resolve(mind === "pass" ? undefined : { status: Number(mind), message: "not you" });
          });
          return promise;
        },
      }),
    }),
  },
  accruals: {
    "faulty.accrual": defineAccrual({
      doc: "Throws with every answer.",
      keys: { at: word({ doc: "Where.", required: true }, ["succeeded", "failed", "nonsense", "make"]) },
      make({ at }) {
        const may = thrower(at);
        may("make");
        return {
          succeeded: () => may("succeeded"),
          failed() {
            may("failed");
            return at === "nonsense" ? Number.NaN : -1;
          },
          spared: () => undefined,
          revived: () => undefined,
        };
      },
    }),
  },
  namers: {
    "faulty.namer": defineNamer({
      doc: "Throws for one name.",
      keys: {},
      make: () => ({
        lookup(rest) {
          if (rest.segments[0] === "bug") throw new Error("a bug in lookup");
          return Activity.ok(neg);
        },
      }),
    }),
  },
});
