// The override and the deadline of a request, from wherever they come (linkerd1 §2.6, W3C Baggage), and how they go on.
//
// Entries of `fairlead-dtab` in the baggage come first, then those of `l5d-ctx-dtab`, then those of `l5d-dtab`; the last one that matches
// wins. Of deadlines the earliest holds. Every request passes `admitOverrides`; the rest is for those that bring something along.
import { causes } from "../../core/cause.ts";
import { combineDeadlines, parseDeadline } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import { type Baggage, fits, mayHaveOwnMembers, readBaggage, withoutOwn } from "./baggage.ts";
import { Field } from "./field-names.ts";
import type { LocalDtabs } from "./local-dtabs.ts";
import type { HttpMessage } from "./message.ts";
import type { OverrideRules } from "./override-rules.ts";

/**
 * What baggage is used for. `off`: nothing. `follow`: members of ours are read, and written where the request brings an override or such
 * members. `always`: also written elsewhere, so that deadlines set here reach services behind applications that pass only baggage on.
 */
export type BaggageUse = "off" | "follow" | "always";

/** The `overrides` section of a server. */
export interface OverrideSettings {
  readonly baggage: BaggageUse;
  /** Null where everybody may override everything. */
  readonly allow: { readonly rules: OverrideRules; readonly denied: Counter } | null;
  /** Requests whose baggage had no room for our members. */
  readonly notInBaggage: Counter | null;
}

/** Everything as Linkerd 1.x has it. */
export const LINKERD_OVERRIDES: OverrideSettings = { baggage: "off", allow: null, notInBaggage: null };

/**
 * Settles the override and the deadline of a request whose `l5d-*` fields have been read; a failure when it must be refused.
 * @param remote of the caller
 */
export function admitOverrides(
  ex: Exchange,
  message: HttpMessage,
  remote: string,
  settings: OverrideSettings,
  localDtabs: LocalDtabs,
): Failure | null {
  const { baggage: use } = settings;
  const perhaps = use !== "off" && message.find(Field.baggage) >= 0 && mayHaveOwnMembers(message);
  if (!perhaps && ex.localDtab === "" && use !== "always") return null;
  const baggage = use === "off" ? null : readBaggage(message);
  if (baggage !== null) takeDeadlines(ex, baggage);
  const failure = settleDtab(ex, baggage, localDtabs);
  if (failure !== null) return failure;
  if (ex.localDtab !== "" && settings.allow !== null) keepAllowed(ex, remote, settings.allow);
  if (baggage !== null && (baggage.own || ex.localDtab !== "" || use === "always"))
    forward(ex, message, baggage, settings);
  return null;
}

/** Edge mode: nothing of ours comes in by the baggage either. */
export function clearOverrides(message: HttpMessage, settings: OverrideSettings): void {
  if (message.find(Field.baggage) >= 0 && mayHaveOwnMembers(message)) message.otherBaggage = withoutOwn(message);
  if (settings.baggage !== "always") return;
  message.otherBaggage ??= readBaggage(message).others;
  message.ownBaggage = fits("", message.otherBaggage);
}

function takeDeadlines(ex: Exchange, { deadlines, unreadable }: Baggage): void {
  ex.unreadable += unreadable;
  for (const text of deadlines) {
    const deadline = parseDeadline(text);
    if (deadline === null) ex.unreadable++;
    else ex.deadline = combineDeadlines(ex.deadline, deadline);
  }
}

// An override that cannot be read is refused, whatever carried it: without it the request would be served by what it was to avoid.
function settleDtab(ex: Exchange, baggage: Baggage | null, localDtabs: LocalDtabs): Failure | null {
  const written = ex.localDtab;
  ex.localDtab = "";
  const problem = baggage?.problem ?? null;
  if (problem !== null) return new Failure(causes.badDtab, problem);
  const byHeader = written === "" ? "" : localDtabs.parse(written);
  if (typeof byHeader !== "string") return new Failure(causes.badDtab, byHeader.message, { at: byHeader.offset });
  const byBaggage = baggage === null || baggage.dtab === "" ? "" : localDtabs.parse(baggage.dtab);
  if (typeof byBaggage !== "string") return new Failure(causes.badDtab, byBaggage.message, { at: byBaggage.offset });
  ex.localDtab = combined(byBaggage, byHeader);
  ex.broughtOverride = written !== "" || byBaggage !== "";
  return null;
}

/**
 * Both, those of the baggage first. Proxies say the same in both, so that most often the two are equal; and an entry that comes again later
 * is left out where it came first, which changes nothing: where the later one leads nowhere, the earlier one would not either.
 */
function combined(byBaggage: string, byHeader: string): string {
  if (byBaggage === "" || byBaggage === byHeader) return byHeader;
  const later = new Set(byHeader === "" ? [] : byHeader.split(";"));
  const entries: string[] = [];
  for (const entry of byBaggage.split(";").toReversed()) {
    if (later.has(entry)) continue;
    later.add(entry);
    entries.push(entry);
  }
  entries.reverse();
  if (byHeader !== "") entries.push(byHeader);
  return entries.join(";");
}

function keepAllowed(ex: Exchange, remote: string, { rules, denied }: NonNullable<OverrideSettings["allow"]>): void {
  const kept = rules.allowed(ex.localDtab, remote);
  denied.add(ex.localDtab.split(";").length - kept.length);
  ex.localDtab = kept.join(";");
}

function forward(ex: Exchange, message: HttpMessage, { others }: Baggage, { notInBaggage }: OverrideSettings): void {
  message.otherBaggage = others;
  message.ownBaggage = fits(ex.localDtab, others);
  if (!message.ownBaggage) notInBaggage?.inc();
}
