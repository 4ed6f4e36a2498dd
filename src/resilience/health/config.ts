// Configuration of active health checks; Linkerd 1.x has none.
import { kindOf } from "../../config/kinds.ts";
import { int, object, text } from "../../config/schema.ts";

const common = {
  intervalMs: int({
    doc: "From the end of a check to the next, give or take a tenth; the first comes somewhere within it.",
    unit: "ms",
    min: 10,
    default: 10_000,
  }),
  timeoutMs: int({ doc: "A check that takes longer has failed.", unit: "ms", min: 1, default: 1_000 }),
  unhealthyAfter: int({ doc: "So many failed checks in a row take the endpoint out.", min: 1, default: 3 }),
  healthyAfter: int({ doc: "So many good checks in a row bring it back.", min: 1, default: 2 }),
};

const status = { min: 100, max: 599 };

const host = text({
  doc: "The host that is asked for: Host, or :authority.",
  defaultDoc: "the endpoint's address; `localhost` on a unix socket",
  refuse: {
    shown: "other than a host",
    when: (host) => !/^[!-~]+$/.test(host),
    because: "a host holds no spaces",
    instead: "write a host such as users.example",
  },
});

export const healthCheck = kindOf(
  {
    doc: "Asks each endpoint from time to time, requests or none. An endpoint that fails is avoided like one that is dead: within maxEjectionPercent, and not when all are.",
    default: { kind: "none" },
    origin: "fairlead",
  },
  {
    none: object({ doc: "No checks." }, {}),
    "fairlead.tcp": object({ doc: "The endpoint accepts a connection." }, common),
    "fairlead.http": object(
      {
        doc: "The endpoint answers a GET with a status that is expected. In HTTP/1.1, whatever requests are sent in.",
        checks: [
          ({ maxStatus, minStatus }, report) => {
            if (minStatus === undefined || maxStatus === undefined || minStatus <= maxStatus) return;
            report(
              ["minStatus"],
              `minStatus ${minStatus} is above maxStatus ${maxStatus}`,
              `write at most ${maxStatus}`,
            );
          },
        ],
      },
      {
        ...common,
        path: text({
          doc: "What to ask for, with a query perhaps.",
          default: "/",
          refuse: {
            shown: "other than a path",
            when: (path) => !/^\/[!-~]*$/.test(path),
            because:
              "a path begins with a slash and holds neither spaces nor other characters that a request line cannot hold",
            instead: "write a path such as /health, percent-encoded",
          },
        }),
        host,
        minStatus: int({ doc: "The lowest status that is good.", default: 200, ...status }),
        maxStatus: int({ doc: "The highest status that is good.", default: 299, ...status }),
      },
    ),
    "fairlead.grpc": object(
      { doc: "The endpoint answers grpc.health.v1.Health/Check with SERVING. In HTTP/2 with prior knowledge." },
      {
        ...common,
        service: text({
          doc: "The service that is asked about; empty for the server as a whole.",
          default: "",
          allowEmpty: true,
        }),
        host,
      },
    ),
  },
);
