// Configuration of load balancing (reference §6.2).
import { kindOf } from "../config/kinds.ts";
import { bool, int, number, object, type Presence, type Schema } from "../config/schema.ts";

const maxEffort = int({
  doc: "So often another endpoint is drawn while the drawn one is dead; then the last one is used anyway.",
  default: 5,
  min: 1,
});
const enableProbation = bool({
  doc: "Keeps using endpoints that discovery removed until they are found dead, or full.",
  default: false,
});

/** The same key, in a kind that Linkerd 1.x does not have. */
function ours<T, P extends Presence>(schema: Schema<T, P>): Schema<T, P> {
  return { spec: { ...schema.spec, origin: "fairlead" } };
}

/** The place of this process in its fleet. */
const peer = object(
  {
    doc: "Which instance of how many this process is. With it endpoints are chosen by their addresses, so that all instances together use each of them equally; the load says nothing then, nor do lowLoad, highLoad and minAperture.",
    origin: "fairlead",
    checks: [
      ({ id, count }, report) => {
        if (id === undefined || count === undefined || id < count) return;
        report(["id"], `id ${id} is not below count ${count}`, `count from 0: write at most ${count - 1}`);
      },
    ],
  },
  {
    id: int({ doc: "Number of this instance, counted from 0.", required: true, origin: "fairlead", example: 0 }),
    count: int({
      doc: "How many instances there are.",
      required: true,
      min: 1,
      origin: "fairlead",
      example: 3,
    }),
  },
);

export const loadBalancer = kindOf(
  { doc: "How an endpoint is chosen for each request.", default: { kind: "p2c" } },
  {
    p2c: object(
      { doc: "Draws two endpoints at random and takes the one with fewer requests in flight." },
      { maxEffort, enableProbation },
    ),
    ewma: object(
      {
        doc: "Draws two endpoints at random and takes the one with the lower product of recent peak latency and requests in flight.",
      },
      {
        maxEffort,
        enableProbation,
        decayTimeMs: int({ doc: "How slowly a latency peak is forgotten.", unit: "ms", min: 1, default: 10_000 }),
      },
    ),
    aperture: object(
      {
        doc: "As p2c, among few endpoints, as many as the load needs: a client of a large service keeps few connections.",
        checks: [
          ({ lowLoad, highLoad }, report) => {
            if (lowLoad === undefined || highLoad === undefined || lowLoad < highLoad) return;
            report(["lowLoad"], `lowLoad ${lowLoad} is not below highLoad ${highLoad}`, "write a smaller number");
          },
        ],
      },
      {
        maxEffort,
        enableProbation,
        smoothWindowMs: int({
          doc: "How slowly a change of the load is believed. Connections to endpoints out of use are closed after ten times as long.",
          unit: "ms",
          min: 1,
          default: 5000,
          differs: {
            says: "Linkerd 1.x looks for unused connections by a timer, fairlead while it serves requests: a client without any keeps what it has until idleTimeMs.",
            where: "everywhere",
            before: "write hostConnectionPool.idleTimeMs of the client, so that idle connections are closed",
          },
        }),
        lowLoad: number({
          doc: "With so few requests in flight for each endpoint in use, one endpoint fewer is used.",
          default: 0.5,
        }),
        highLoad: number({
          doc: "With so many requests in flight for each endpoint in use, one endpoint more is used.",
          default: 2,
        }),
        minAperture: int({
          doc: "Fewest endpoints in use.",
          min: 1,
          default: 1,
          differs: {
            says: "Linkerd 1.x connects to the endpoints in use in advance, fairlead when a request comes.",
            where: "everywhere",
          },
        }),
        peer,
        minDeterministicAperture: int({
          doc: "With `peer`: fewest endpoints in use.",
          min: 1,
          default: 12,
          origin: "fairlead",
        }),
      },
    ),
    heap: object({ doc: "Takes the endpoint with the fewest requests in flight of all." }, { enableProbation }),
    roundRobin: object({ doc: "Takes one endpoint after the other." }, { maxEffort, enableProbation }),
    "fairlead.bestOf": object(
      {
        doc: "Draws several endpoints at random and takes the one with the lowest product of mean latency and requests in flight; failures count against it. In simulations fewer of its answers are slow, and fewer fail, than with p2c and ewma.",
        origin: "fairlead",
      },
      {
        choices: int({ doc: "How many endpoints are drawn.", min: 1, max: 100, default: 5, origin: "fairlead" }),
        answers: int({
          doc: "About how many of the last answers the mean latency is of.",
          min: 1,
          default: 20,
          origin: "fairlead",
        }),
        decayTimeMs: int({
          doc: "How slowly the latency of an endpoint is forgotten while it gives no answers.",
          unit: "ms",
          min: 1,
          default: 10_000,
          origin: "fairlead",
        }),
        maxEffort: ours(maxEffort),
        enableProbation: ours(enableProbation),
      },
    ),
  },
);
