// Writes services out: the file with the routers, rules, namers and policies that it would have without them.
import {
  type ConfigNode,
  entryOf,
  type Json,
  listNode,
  madeNode,
  type MapNode,
  plainValue,
  withEntry,
} from "../../config/node.ts";
import type { Span } from "../../config/source.ts";
import { type PolicyPart, ServiceParts } from "./parts.ts";
import type { Services } from "./schema.ts";

const FROM = "from services";
const PORT = 4140;
const HOST_IDENTIFIER = { kind: "fairlead.host" };

/** The services of a file, if it has any. */
function written(root: ConfigNode): { readonly root: MapNode; readonly span: Span } | null {
  const entry = entryOf(root, "services");
  if (root.type !== "map" || entry === null || isNothing(entry.value)) return null;
  return { root, span: entry.keySpan };
}

/** A file with services need not have routers: there is one. */
export function withRouters(root: ConfigNode): ConfigNode {
  const found = written(root);
  const routers = entryOf(root, "routers");
  if (found === null || (routers !== null && !isNothing(routers.value))) return root;
  const router = { protocol: "http", servers: [{ port: PORT }] };
  return withEntry(found.root, "routers", noted(madeNode([router], found.span), FROM));
}

/** The file without services, and with everything they stand for. It is known to be good. */
export function servicesInFull(root: ConfigNode, services: Services | undefined): ConfigNode {
  const found = written(root);
  if (found === null || services === undefined) return root;
  const parts = new ServiceParts(services);
  const { span } = found;
  const made = parts.namers().map((namer) => noted(madeNode(namer, span), FROM));
  const namers = [...itemsOf(root, "namers"), ...made];
  const routers = itemsOf(root, "routers").map((router) =>
    router.type === "map" ? served(router, parts, span) : router,
  );
  const rest = withEntry(found.root, "services", null);
  // A made list says where it comes from; one of the file does not.
  const named =
    namers.length === 0 ? rest : withEntry(withEntry(rest, "routers", null), "namers", listNode(namers, span));
  const list = listNode(routers, span);
  const { note } = entryOf(root, "routers")?.value ?? {};
  return withEntry(named, "routers", note === undefined ? list : noted(list, note));
}

/** A router that knows the services. */
function served(router: MapNode, parts: ServiceParts, span: Span): MapNode {
  const family = textOf(router, "protocol");
  if (family !== "http" && family !== "h2") return router; // a protocol of a plug-in has names of its own
  const dstPrefix = textOf(router, "dstPrefix") ?? "/svc";
  const own = textOf(router, "dtab") ?? "";
  const rules = parts.dtab(dstPrefix) + (own === "" ? "" : `# the router's own\n${own}`);
  const identified = withDefault(router, "identifier", noted(madeNode(HOST_IDENTIFIER, span), FROM));
  const ruled = withEntry(identified, "dtab", madeNode(rules, span));
  const timed = withPolicies(ruled, "service", parts.servicePolicies(dstPrefix, family), span);
  return withPolicies(timed, "client", parts.clientPolicies(), span);
}

function withDefault(map: MapNode, key: string, value: ConfigNode): MapNode {
  const entry = entryOf(map, key);
  return entry === null || isNothing(entry.value) ? withEntry(map, key, value) : map;
}

/** The more particular wins: what the router says of all names, then services, then what the router says of some names. */
function withPolicies(router: MapNode, key: "service" | "client", made: readonly PolicyPart[], span: Span): MapNode {
  if (made.length === 0) return router;
  const own = entryOf(router, key)?.value;
  const entries = made.map((part) => noted(madeNode(part, span), FROM));
  const all = own?.type === "map" ? aroundOwn(own, entries, span) : entries;
  const kind = madeNode("io.l5d.static", span);
  return withEntry(router, key, withEntry(withEntry(madeMap(span), "kind", kind), "configs", listNode(all, span)));
}

function aroundOwn(own: MapNode, made: readonly ConfigNode[], span: Span): readonly ConfigNode[] {
  if (textOf(own, "kind") === "io.l5d.static") return [...made, ...itemsOf(own, "configs")];
  const keys = own.entries.filter(({ key }) => key !== "kind" && key !== "experimental");
  if (keys.length === 0) return made;
  let first = withEntry(madeMap(span), "prefix", madeNode("/", span));
  for (const { key, value } of keys) first = withEntry(first, key, value);
  return [first, ...made];
}

function madeMap(span: Span): MapNode {
  return { type: "map", entries: [], ...span, size: 1 };
}

function itemsOf(map: ConfigNode, key: string): readonly ConfigNode[] {
  const value = entryOf(map, key)?.value;
  return value?.type === "list" ? value.items : [];
}

function textOf(map: ConfigNode, key: string): string | null {
  const value: Json = plainValue(entryOf(map, key)?.value ?? madeNode(null, { start: 0, end: 0 }));
  return typeof value === "string" ? value : null;
}

function isNothing(node: ConfigNode): boolean {
  return node.type === "scalar" && node.value === null;
}

function noted<N extends ConfigNode>(node: N, note: string): N {
  return { ...node, note };
}
