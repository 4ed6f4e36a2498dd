// Configuration of transformers (reference §5.1).
import { kindOf } from "../../config/kinds.ts";
import { type Infer, int, ip, list, object, path, unavailable } from "../../config/schema.ts";
import type { Report } from "../../config/spec.ts";
import { parsePath, Path } from "../../core/path.ts";
import { Constant } from "../../core/var.ts";
import { NamerTable } from "../namer-table.ts";
import { utilityNamers } from "../utility-namers.ts";
import { fixedPath } from "./fixed-path.ts";

/** @param shown what the ids of the names begin with by default. */
function prefixAfter(shown: string) {
  return path({
    doc: "What the ids of transformed names begin with, after `/%`; policies per client match it.",
    defaultDoc: `\`${shown}\``,
  });
}

const useFilter = "use io.l5d.localhost, or io.l5d.specificHost with the address of the node";

const transformer = kindOf(
  { doc: "Changes what a bound name stands for." },
  {
    "io.l5d.localhost": object(
      { doc: "Keeps only addresses of this machine: those of its interfaces, and those its own name resolves to." },
      { prefix: prefixAfter("/io.l5d.localhost") },
    ),
    "io.l5d.specificHost": object(
      { doc: "Keeps only addresses with one IP address." },
      {
        host: ip({ doc: "The IP address.", required: true }),
        prefix: prefixAfter("/io.l5d.specificHost/<host>"),
      },
    ),
    "io.l5d.port": object(
      { doc: "Replaces the port of every address, and leaves out those that are then the same." },
      {
        port: int({ doc: "The new port.", required: true, min: 1, max: 65_535, example: 4141 }),
        prefix: prefixAfter("/io.l5d.port/<port>"),
      },
    ),
    "io.l5d.k8s.daemonset": unavailable("The pod of a daemon set on the node of each address.", "use io.l5d.port"),
    "io.l5d.k8s.localnode": unavailable("Keeps only addresses on this Kubernetes node.", useFilter),
    "io.l5d.replace": object(
      { doc: "Puts a path in place of every bound name; names that are not bound stay so.", checks: [checkPath] },
      {
        path: path({ doc: "The path, for built-in namers: `/$/…`.", required: true }),
        prefix: prefixAfter("/io.l5d.replace"),
      },
    ),
    "io.l5d.const": object(
      { doc: "Is always a path, whatever a name is bound to, and also if there is none.", checks: [checkPath] },
      {
        path: path({ doc: "The path, for built-in namers: `/$/…`.", required: true }),
        prefix: prefixAfter("/io.l5d.const"),
      },
    ),
  },
);

/** A transformer as it is configured. */
export type TransformerConfig = Infer<typeof transformer>;

export const interpreterTransformers = list(
  {
    doc: "Change the bound names of the router, one after the other, when alternatives have been decided.",
    default: [],
  },
  transformer,
);

export const namerTransformers = list(
  {
    doc: "Change the names that this namer binds, one after the other. A name of which a filter leaves no address is neg.",
    default: [],
    differs:
      "With fairlead an alternative of the dtab follows when a filter leaves nothing; with Linkerd 1.x the request fails.",
  },
  transformer,
);

/** Built-in namers that look nothing up: whether a path has a meaning does not depend on DNS. */
function namersWithoutHosts(): NamerTable {
  const unknown = new Constant({ at: "pending" } as const);
  return new NamerTable([], utilityNamers({ live: () => unknown, fixed: () => unknown }));
}

function checkPath({ path: written }: { readonly path?: string | undefined }, report: Report): void {
  const parsed = written === undefined ? undefined : parsePath(written);
  if (!(parsed instanceof Path)) return; // told already
  const advice = "write a path for a built-in namer, such as /$/inet/127.0.0.1/4141";
  if (parsed.segments[0] !== "$") {
    report(["path"], `${parsed.show()} does not begin with /$`, advice);
    return;
  }
  const bound = fixedPath(parsed, namersWithoutHosts());
  if (typeof bound === "string") report(["path"], bound, advice);
}
