// What both proxies did with the same message, in the same words, and where it differs.
import { methodOf, targetOf, type Fields, type Message } from "../../../support/http-text.ts";
import type { FieldPairs } from "../../../support/h2-frames.ts";
import type { Reply, Request } from "./caller.ts";

/** Taken, with what came out on the other side, or refused. */
export type Outcome =
  | { readonly at: "taken"; readonly parts: Readonly<Record<string, string>> }
  | { readonly at: "refused"; readonly how: string };

/** Fields that a proxy adds, by name; `via` is an entry of a list, and is taken out of it. */
export interface Added {
  readonly names: ReadonlySet<string>;
  readonly via: RegExp;
}

/** Of fairlead: what it tells services and callers, in the names of Linkerd. */
export const ADDED_BY_FAIRLEAD: Added = {
  names: new Set([
    "l5d-dst-service",
    "l5d-dst-client",
    "l5d-reqid",
    "finagle-http-retryable-request",
    "l5d-ctx-trace",
    "l5d-success-class",
  ]),
  via: /^(?:h2|1\.1) fairlead$/,
};

/** Of nghttpx: nothing else, as it is started here. */
export const ADDED_BY_NGHTTPX: Added = { names: new Set(), via: /^(?:2|1\.[01]) nghttpx$/ };

/** How the length of a body is told is each proxy's own affair: what matters is where the strict reader saw it end. */
const FRAMING = new Set(["content-length", "transfer-encoding"]);

/** A request as it came out: only one that was answered 200 has been taken. */
export function requestOutcome(reply: Reply, received: readonly Message[], added: Added): Outcome {
  const [message] = received;
  if (message === undefined || finalStatus(reply) !== "200") return { at: "refused", how: howRefused(reply) };
  const hosts = message.fields.filter(([name]) => name === "host").map(([, value]) => value);
  const others = message.fields.filter(([name]) => name !== "host");
  return {
    at: "taken",
    parts: {
      times: String(received.length),
      method: methodOf(message),
      target: targetOf(message),
      host: hosts.join(" and "),
      fields: multiset(others, added),
      body: message.body,
      trailers: multiset(message.trailers, added),
      answer: `${reply.end}: ${reply.body}`,
    },
  };
}

/** Where what fairlead took is not what was sent; for requests that nghttpx cannot be asked about. */
export function changed({ body = [], fields }: Request, fairlead: Outcome): Difference[] {
  if (fairlead.at === "refused") return [];
  const sent = (...names: readonly string[]): string => fields.find(([name]) => names.includes(name))?.[1] ?? "";
  const expected: Readonly<Record<string, string>> = {
    times: "1",
    method: sent(":method"),
    target: sent(":path"),
    host: sent(":authority", "host"),
    body: body.join(""),
  };
  return Object.keys(expected)
    .filter((part) => expected[part] !== fairlead.parts[part])
    .map((part) => ({ what: `changed ${part}`, detail: `fairlead ${JSON.stringify(fairlead.parts[part])}` }));
}

/** An answer as it came out. */
export function answerOutcome(reply: Reply, added: Added): Outcome {
  const status = finalStatus(reply);
  if (reply.end !== "complete" || status === "502") return { at: "refused", how: howRefused(reply) };
  const [head = [], ...interim] = reply.heads.toReversed();
  return {
    at: "taken",
    parts: {
      status,
      interim: interim.map((one) => multiset(one, added)).join(" | "),
      fields: multiset(head, added),
      length: head.find(([name]) => name === "content-length")?.[1] ?? "not told",
      body: reply.body,
      trailers: multiset(reply.trailers, added),
    },
  };
}

function finalStatus({ heads }: Reply): string {
  return heads.at(-1)?.find(([name]) => name === ":status")?.[1] ?? "";
}

function howRefused(reply: Reply): string {
  const status = finalStatus(reply);
  return status === "" ? reply.end : `${status}, ${reply.end}`;
}

function multiset(fields: Fields | FieldPairs, { names, via }: Added): string {
  const lines: string[] = [];
  for (const [name, value] of fields) {
    if (names.has(name) || FRAMING.has(name)) continue;
    const kept = name === "via" ? value.split(/ *, */).filter((entry) => !via.test(entry)) : [value];
    if (kept.length > 0) lines.push(`${name}: ${kept.join(", ")}`);
  }
  return lines.sort().join("\n");
}

/** One thing in which the two differ. */
export interface Difference {
  /** `fairlead refuses`, `nghttpx refuses`, or the part that differs. */
  readonly what: string;
  readonly detail: string;
}

/** Compares what nghttpx and fairlead did. */
export function differences(nghttpx: Outcome, fairlead: Outcome): Difference[] {
  if (nghttpx.at === "refused" && fairlead.at === "refused") return [];
  if (fairlead.at === "refused") return [{ what: "fairlead refuses", detail: fairlead.how }];
  if (nghttpx.at === "refused") return [{ what: "nghttpx refuses", detail: nghttpx.how }];
  return Object.keys(fairlead.parts)
    .filter((part) => fairlead.parts[part] !== nghttpx.parts[part])
    .map((part) => ({
      what: part,
      detail: `nghttpx ${JSON.stringify(nghttpx.parts[part])}, fairlead ${JSON.stringify(fairlead.parts[part])}`,
    }));
}
