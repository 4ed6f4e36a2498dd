// Configuration of load balancing (reference §6.2).
import { kindOf } from "../config/kinds.ts";
import { bool, int, object, unavailable } from "../config/schema.ts";

const maxEffort = int({
  doc: "So often another endpoint is drawn while the drawn one is dead; then the last one is used anyway.",
  default: 5,
  min: 1,
});
const enableProbation = bool({
  doc: "Keeps using endpoints that discovery removed while they answer.",
  default: false,
  refuse: {
    shown: "true",
    when: (on) => on,
    because: "is not available in this release",
    instead: "remove it; endpoints leave when discovery removes them",
  },
});

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
    aperture: unavailable("Chooses among few endpoints, as many as the load needs.", "use p2c or ewma"),
    heap: unavailable("Takes the endpoint with the fewest requests in flight of all.", "use p2c, which comes close"),
    roundRobin: unavailable("Takes one endpoint after the other.", "use p2c"),
  },
);
