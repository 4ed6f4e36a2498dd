// What services stand for, piece by piece: rules, namers and policies.
import type { Json } from "../../config/node.ts";
import { showSegment } from "../../core/path.ts";
import { ANY_OTHER, isDns, retried, type Service, type Services } from "./schema.ts";

/** Where the namers answer: `/#/services/users`. */
const PREFIX = "/services";
const BOUND = `/#${PREFIX}`;
/** Bound names of hosts that are looked up. */
const WITH_PORT = "/$/inet";
const PORT_FIRST = "/$/io.buoyant.rinet";

/** An entry of a policy by name. */
export interface PolicyPart {
  readonly prefix: string;
  readonly [key: string]: Json;
}

/** The services of a file, in the words of everything else. */
export class ServiceParts {
  /** In the order of rules: what is for any other host comes first, so that it is tried last. */
  readonly #services: readonly (readonly [name: string, service: Service])[];
  /** What stands for `"*"` where a name is needed. */
  readonly #other: string;

  constructor(services: Services) {
    const named = Object.entries(services).filter(([name]) => name !== ANY_OTHER);
    const others = Object.entries(services).filter(([name]) => name === ANY_OTHER);
    this.#services = [...others, ...named.map(([name, service]) => [name.toLowerCase(), service] as const)];
    let other = "others";
    while (this.#services.some(([name]) => name === other)) other += "_";
    this.#other = other;
  }

  /** Rules, one a line, each with where it comes from. */
  dtab(dstPrefix: string): string {
    const rules = this.#services.flatMap(([name, service]) => {
      const path = pathOf(dstPrefix, name);
      if (isDns(service)) return [`${path} => ${PORT_FIRST}/80`, `${path} => ${WITH_PORT}`].map((rule) => [name, rule]);
      return [[name, `${path} => ${this.#bound(name)}`]];
    });
    const width = Math.max(...rules.map(([, rule = ""]) => rule.length));
    return rules.map(([name = "", rule = ""]) => `${`${rule};`.padEnd(width + 1)} # ${keyOf(name)}\n`).join("");
  }

  /** Namers for what is written in the file, and for what is written in files of its own. */
  namers(): Json[] {
    const fixed: [string, Json][] = [];
    const files: [string, Json][] = [];
    for (const [name, service] of this.#services) {
      const { file, port, to } = service;
      if (file !== undefined) files.push([this.#nameOf(name), file]);
      else if (to !== undefined && !isDns(service)) fixed.push([this.#nameOf(name), addresses(to, port)]);
    }
    return [...namer("fairlead.static", fixed), ...namer("fairlead.files", files)];
  }

  /** Policy by logical name. */
  servicePolicies(dstPrefix: string, family: "http" | "h2"): PolicyPart[] {
    return this.#services.flatMap(([name, { retries, timeoutMs }]) => {
      if (retries === undefined && timeoutMs === undefined) return [];
      return [
        {
          prefix: pathOf(dstPrefix, name),
          ...(timeoutMs === undefined ? {} : { totalTimeoutMs: timeoutMs }),
          ...(retries === undefined ? {} : retryPolicy(retries, family)),
        },
      ];
    });
  }

  /** Policy by bound name. */
  clientPolicies(): PolicyPart[] {
    return this.#services.flatMap(([name, service]) => {
      const { protocol } = service;
      if (protocol === undefined) return [];
      const prefixes = isDns(service) ? [PORT_FIRST, WITH_PORT] : [this.#bound(name)];
      return prefixes.map((prefix) => ({ prefix, protocol }));
    });
  }

  #nameOf(name: string): string {
    return name === ANY_OTHER ? this.#other : name;
  }

  #bound(name: string): string {
    return `${BOUND}/${showSegment(this.#nameOf(name))}`;
  }
}

function namer(kind: string, names: readonly (readonly [string, Json])[]): Json[] {
  return names.length === 0 ? [] : [{ kind, prefix: PREFIX, names: Object.fromEntries(names) }];
}

/** How a key of `services` is named in comments. */
function keyOf(name: string): string {
  return name === ANY_OTHER ? 'services."*"' : `services.${name}`;
}

function pathOf(dstPrefix: string, name: string): string {
  if (name === ANY_OTHER) return dstPrefix;
  return `${dstPrefix === "/" ? "" : dstPrefix}/${showSegment(name)}`;
}

/** As short as it can be said. */
function addresses(to: readonly string[], port: number | undefined): Json {
  const [only = ""] = to;
  const written = to.length === 1 ? only : to;
  return port === undefined ? written : { to: written, port };
}

type Retries = NonNullable<Service["retries"]>;

function retryPolicy({ of, ...retries }: Retries, family: "http" | "h2"): { [key: string]: Json } {
  const responseClassifier = { kind: `io.l5d.${family}.${retried[of]}` };
  // Configuration is JSON, whatever its types say: keys that are not given are not there.
  const written = retries as { readonly [key: string]: Json };
  return Object.keys(written).length === 0 ? { responseClassifier } : { retries: written, responseClassifier };
}
