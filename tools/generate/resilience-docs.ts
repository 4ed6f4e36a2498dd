// Prints the tables of knobs in docs/resilience.md from the schema of the configuration.
import { readFileSync } from "node:fs";
import { configSchema } from "../../src/app/config-schema.ts";
import { cell, defaultIn } from "../../src/config/reference.ts";
import { placesOf } from "../../src/config/walk.ts";

const PATH = "docs/resilience.md";
const TABLE = /(?<=<!-- knobs (?<keys>[^\n]+?) -->\n)[^]*?(?=<!-- end -->)/g;

const client = "routers[http].client[io.l5d.global].";
const service = "routers[http].service[io.l5d.global].";
const http2Service = "routers[h2].service[io.l5d.global].";
const server = "routers[http].servers[].";
const router = "routers[http].";

const places = new Map([...placesOf(configSchema.spec)].map((place) => [place.path, place]));

export function generated(): ReadonlyMap<string, string> {
  const written = readFileSync(PATH, "utf8");
  return new Map([[PATH, written.replace(TABLE, (_table, keys: string) => table(keys.split(" ")))]]);
}

function table(keys: readonly string[]): string {
  return `| key | Linkerd 1.x file | with \`fairlead: 1\` | meaning |\n|---|---|---|---|\n${keys.map(row).join("")}`;
}

// `client.failFast`, as a reader writes it, wherever it stands in the schema.
function row(key: string): string {
  const found = [client, service, http2Service, server, router].flatMap(
    (start) => places.get(start + name(key, start)) ?? [],
  );
  const [place] = found;
  if (place === undefined) throw new Error(`${PATH}: the schema has no key ${key}`);
  const { spec } = place;
  const cells = [`\`${key}\``, defaultIn(spec, "linkerd"), defaultIn(spec, "fairlead"), spec.doc];
  return `| ${cells.map(cell).join(" | ")} |\n`;
}

function name(key: string, start: string): string {
  const of = (section: string) => (key.startsWith(`${section}.`) ? key.slice(section.length + 1) : "\0");
  if (start === client) return of("client");
  if (start === service || start === http2Service) return of("service");
  if (start === server) return of("server");
  return key.includes(".") ? "\0" : key;
}
