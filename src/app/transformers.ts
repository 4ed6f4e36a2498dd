// The transformers of a configuration.
import { hostname, networkInterfaces } from "node:os";
import { Path, pathFrom } from "../core/path.ts";
import { Source, type Var } from "../core/var.ts";
import { systemResolver } from "../namers/dns/resolver.ts";
import type { Hosts, HostState } from "../naming/hosts.ts";
import { NamerTable } from "../naming/namer-table.ts";
import type { TransformerConfig } from "../naming/transformers/config.ts";
import { fixedPath } from "../naming/transformers/fixed-path.ts";
import { localhostTransformer } from "../naming/transformers/localhost.ts";
import { portTransformer } from "../naming/transformers/port.ts";
import { constTransformer, replaceTransformer } from "../naming/transformers/replace.ts";
import { specificHostTransformer } from "../naming/transformers/specific-host.ts";
import { type BoundNames, chained, type Transformer } from "../naming/transformers/transformer.ts";
import { utilityNamers } from "../naming/utility-namers.ts";

/** All of a list as one, in order; undefined for none. */
export function makeTransformer(written: readonly TransformerConfig[], hosts: Hosts): Transformer | undefined {
  return chained(written.map((config) => transformerOf(config, hosts)));
}

function transformerOf(config: TransformerConfig, hosts: Hosts): Transformer {
  const { kind } = config;
  switch (kind) {
    case "io.l5d.localhost": {
      const interfaces = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);
      return localhostTransformer(prefixOf(config, kind), { interfaces, named: ownName() });
    }
    case "io.l5d.specificHost":
      return specificHostTransformer(prefixOf(config, kind, config.host), config.host);
    case "io.l5d.port":
      return portTransformer(prefixOf(config, kind, String(config.port)), config.port);
    case "io.l5d.replace":
      return replaceTransformer(prefixOf(config, kind), boundTo(config.path, hosts));
    case "io.l5d.const":
      return constTransformer(prefixOf(config, kind), boundTo(config.path, hosts));
  }
}

/** `/%` and the configured prefix, or what the kind has instead. */
function prefixOf({ prefix }: TransformerConfig, ...otherwise: readonly string[]): Path {
  return Path.of("%").concat(prefix === undefined ? Path.from(otherwise) : pathFrom(prefix));
}

function boundTo(path: string, hosts: Hosts): BoundNames {
  const bound = fixedPath(pathFrom(path), new NamerTable([], utilityNamers(hosts)));
  if (typeof bound === "string") throw new Error(bound); // the schema has asked already
  return bound;
}

/** What the name of this machine resolves to: asked once, as in the original, and without a limit of time since nobody waits who need not. */
function ownName(): Var<HostState> {
  const name = new Source<HostState>({ at: "pending" });
  systemResolver().resolve(hostname(), (resolution) => {
    if (resolution.at === "found") name.set({ at: "bound", addresses: resolution.addresses });
    else name.set(resolution.at === "unknown" ? { at: "neg" } : resolution);
  });
  return name;
}
