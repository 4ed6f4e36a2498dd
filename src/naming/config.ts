// Configuration of naming: interpreters, transformers, binding caches, and what all namers share (reference §1.4, §4, §5).
import { kindOf } from "../config/kinds.ts";
import { int, object, path, text, unavailable } from "../config/schema.ts";
import { interpreterTransformers, namerTransformers } from "./transformers/config.ts";

/** Keys every namer has. */
export function namerKeys(kind: string) {
  return {
    prefix: path({ doc: "The namer answers for names that begin with `/#` and this path.", default: `/${kind}` }),
    transformers: namerTransformers,
  };
}

const useDefault = "use the kind default, with the dtab in the router";

export const interpreter = kindOf(
  { doc: "Who turns names into endpoints.", default: { kind: "default" } },
  {
    default: object(
      { doc: "This process, with the router's dtab and the namers of this file." },
      { transformers: interpreterTransformers },
    ),
    "io.l5d.fs": object(
      { doc: "As default, with a dtab in a file of its own, which is watched; the router's dtab comes after it." },
      {
        dtabFile: text({ doc: "The file.", required: true, example: "/etc/fairlead/routes.dtab" }),
        transformers: interpreterTransformers,
      },
    ),
    "io.l5d.namerd": unavailable("A namerd process, over ThriftMux.", useDefault),
    "io.l5d.namerd.http": unavailable("A namerd process, over HTTP.", useDefault),
    "io.l5d.mesh": unavailable("A namerd process, over gRPC.", useDefault),
    "io.l5d.k8s.configMap": unavailable("As default, with the dtab in a Kubernetes ConfigMap.", useDefault),
    "io.l5d.consul.interpreter": unavailable("As default, with the dtab in Consul.", useDefault),
    "io.l5d.k8s.istio": unavailable("Route rules of Istio; deprecated since Linkerd 1.5.", useDefault),
  },
);

export const bindingTimeoutMs = int({
  doc: "Answers 503 when a name is not bound within this time.",
  unit: "ms",
  min: 1,
  default: 10_000,
});

function cacheSize(of: string) {
  return int({
    doc: `How many ${of} are kept; a full cache gives up the most idle one, or serves a request without caching.`,
    default: 1000,
    min: 1,
  });
}

export const bindingCache = object(
  { doc: "Sizes of the caches between a name and its endpoints.", default: {} },
  {
    paths: cacheSize("logical names, and up to 100 of those under overrides of requests,"),
    trees: cacheSize("name trees"),
    bounds: cacheSize("bound names with residual paths"),
    clients: cacheSize("clients (balancer, pools and statistics of one bound name)"),
    idleTtlSecs: int({
      doc: "Entries idle for this long are closed.",
      unit: "s",
      min: 1,
      max: 2_147_483,
      default: 600,
    }),
  },
);
