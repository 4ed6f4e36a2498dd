// A namer: endpoints from a file such as { "users": ["10.0.0.1:8080"] }, read again from time to time while somebody wants to know.
import { readFile } from "node:fs/promises";
import {
  Activity,
  type ActivityState,
  type AddressState,
  counter,
  defineNamer,
  int,
  leaf,
  type NamedTree,
  neg,
  text,
  whileObserved,
} from "fairlead/plugin";

type Hosts = Readonly<Record<string, readonly string[]>>;

export const hosts = defineNamer({
  doc: "Endpoints from one JSON file with a list of `host:port` for each name.",
  keys: {
    file: text({ doc: "The file.", required: true }),
    pollMs: int({ doc: "How often it is read.", unit: "ms", default: 1000, min: 10 }),
  },
  metrics: { reads: counter("Times the file was read."), failures: counter("Times it could not be read.") },

  make({ file, pollMs }, { env, logger, metrics, prefix }) {
    const states = whileObserved<ActivityState<Hosts>>({ at: "pending" }, (set) => {
      const read = async () => {
        metrics.reads.inc();
        try {
          set({ at: "ok", value: JSON.parse(await readFile(file, "utf8")) as Hosts });
        } catch (error) {
          metrics.failures.inc();
          logger.warn(`${file}: ${error instanceof Error ? error.message : String(error)}`);
        }
      };
      void read();
      return env.timers.every(pollMs, () => void read());
    });
    const all = new Activity(states);

    return {
      lookup(rest) {
        const name = rest.segments[0];
        if (name === undefined) return Activity.ok<NamedTree>(neg);
        // Whether there is the name decides the tree; addresses stream beneath it.
        const exists = all.map((known) => Object.hasOwn(known, name)).distinct((a, b) => a === b);
        return exists.map((there): NamedTree => {
          if (!there) return neg;
          const addresses = states.map((state) => addressesOf(state, name));
          const id = prefix.concat(rest.take(1));
          return leaf({ kind: "endpoints", id, residual: rest.drop(1), addresses });
        });
      },
    };
  },
});

function addressesOf(state: ActivityState<Hosts>, name: string): AddressState {
  if (state.at !== "ok") return { at: "pending" };
  const written = state.value[name];
  if (written === undefined) return { at: "neg" };
  const addresses = written.map((address) => {
    const colon = address.lastIndexOf(":");
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)), weight: 1, meta: {} };
  });
  return { at: "bound", addresses };
}
