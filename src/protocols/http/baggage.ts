// Our members of the header `baggage` (W3C Baggage), which applications with OpenTelemetry hand on untouched:
//
//   baggage: fairlead-dtab=/svc/users%3D>/svc/users-v2,fairlead-deadline=1790000000000000000%201790000005000000000,tenant=7
//
// Members of others are never read, changed or moved. Where only they are there, none of this runs but `mayHaveOwnMembers`.
import { latin1 } from "../../base/bytes.ts";
import { DEADLINE_BYTES, type Deadline, putDeadline } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Field } from "./field-names.ts";
import { HttpHead } from "./head.ts";
import { namedByConnection } from "./hop-by-hop.ts";
import type { HttpMessage } from "./message.ts";

const DTAB = "fairlead-dtab";
const DEADLINE = "fairlead-deadline";
/** What everybody must let pass (W3C Baggage §3.3.2); what is beyond may be lost on the way. */
export const MAX_MEMBERS = 64;
export const MAX_BYTES = 8192;
/** So often a key is decoded at most; nobody between two proxies decodes it oftener without encoding it again. */
const MAX_DECODINGS = 4;

/** The baggage of a request, ours and that of others. */
export interface Baggage {
  /** There were members of ours, whatever they say. */
  readonly own: boolean;
  /** Override entries as they were written, those of several members joined; `""` for none. */
  readonly dtab: string;
  /** Why they cannot be read; null when they can. */
  readonly problem: string | null;
  /** Deadlines as they were written. */
  readonly deadlines: readonly string[];
  /** Members of ours that say nothing, deadlines mostly. */
  readonly unreadable: number;
  /** Everything else, byte for byte and in its order; several header lines joined by commas (RFC 9110 §5.3). */
  readonly others: string;
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

const COMMA = 44;
const PLUS = 43;
const PERCENT = 37;
const BLANK = 32;
const DELETE = 127;
const LOWER_F = 102;

/** May there be members of ours? Only a member whose name begins with `f`, or with something encoded, can be one. Allocates nothing for HTTP/1. */
export function mayHaveOwnMembers(message: HttpMessage): boolean {
  for (let field = message.find(Field.baggage); field >= 0; field = message.findNext(Field.baggage, field)) {
    if (message instanceof HttpHead ? bytesMayHold(message, field) : textMayHold(message.value(field))) return true;
  }
  return false;
}

function bytesMayHold(head: HttpHead, field: number): boolean {
  const end = head.base + head.valueEnd(field);
  let atStart = true;
  for (let at = head.base + head.valueStart(field); at < end; at++) {
    const byte = head.bytes[at] as number;
    if (byte === COMMA) atStart = true;
    else if (atStart && !isPadding(byte)) {
      if (mayBegin(byte)) return true;
      atStart = false;
    }
  }
  return false;
}

function textMayHold(text: string): boolean {
  let atStart = true;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) atStart = true;
    else if (atStart && !isPadding(code)) {
      if (mayBegin(code)) return true;
      atStart = false;
    }
  }
  return false;
}

/** What some reader takes for blank around a name: blanks, `+` (a blank in forms), control characters, and what is no ASCII. */
function isPadding(code: number): boolean {
  return code <= BLANK || code === PLUS || code >= DELETE;
}

function mayBegin(code: number): boolean {
  return (code | 0x20) === LOWER_F || code === PERCENT;
}

/** Takes the baggage of a request apart. */
export function readBaggage(message: HttpMessage): Baggage {
  const dtabs: string[] = [];
  const deadlines: string[] = [];
  const others: string[] = [];
  let problem: string | null = null;
  let own = false;
  let unreadable = 0;
  let members = 0;
  let bytes = 0;
  for (let field = message.find(Field.baggage); field >= 0; field = message.findNext(Field.baggage, field)) {
    const passes = !(message instanceof HttpHead && namedByConnection(message, field));
    for (const member of message.value(field).split(",")) {
      if (member.trim() !== "") members++;
      bytes += member.length + 1;
      const name = ownName(member);
      if (name !== DTAB && name !== DEADLINE) {
        if (passes) others.push(member);
        continue;
      }
      own = true;
      const value = members > MAX_MEMBERS || bytes > MAX_BYTES + 1 ? null : valueOf(member);
      if (name === DTAB) {
        if (value === null) problem ??= `the member ${DTAB} of the baggage cannot be read`;
        else if (value !== "") dtabs.push(value);
      } else if (value === null) unreadable++;
      else deadlines.push(value);
    }
  }
  return { own, dtab: dtabs.join(";"), problem, deadlines, unreadable, others: joined(others) };
}

/** Edge mode: what is left of the baggage without members of ours, known to us or not; null when there are none. */
export function withoutOwn(message: HttpMessage): string | null {
  const others: string[] = [];
  let found = false;
  for (let field = message.find(Field.baggage); field >= 0; field = message.findNext(Field.baggage, field)) {
    const passes = !(message instanceof HttpHead && namedByConnection(message, field));
    for (const member of message.value(field).split(",")) {
      if (ownName(member).startsWith("fairlead-")) found = true;
      else if (passes) others.push(member);
    }
  }
  return found ? joined(others) : null;
}

// A member that was first has lost what stood before it.
function joined(others: readonly string[]): string {
  return others.join(",").trimStart();
}

/**
 * The name of a member as the most lenient reader on the way would have it: an application may decode names, trim them, and write them plainly
 * again, and what an edge has let pass must not become a member of ours behind it. `""` where it begins like none of ours.
 */
function ownName(member: string): string {
  if (!textMayHold(member)) return "";
  let name = member.slice(0, endOf(member, /[=;]/));
  for (let i = 0; i < MAX_DECODINGS && name.includes("%"); i++) name = decoded(name);
  let start = 0;
  let end = name.length;
  while (start < end && isPadding(name.charCodeAt(start))) start++;
  while (end > start && isPadding(name.charCodeAt(end - 1))) end--;
  return name.slice(start, end).toLowerCase();
}

function endOf(text: string, mark: RegExp): number {
  const at = text.search(mark);
  return at < 0 ? text.length : at;
}

const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
// Nothing that is a name or a number has them, and they must reach no log and no header.
const CONTROL = /[\0-\x1f\x7f]/;

function decoded(text: string): string {
  return text.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The value without properties; null when it has none, or one that cannot be read. `+` stands for a blank: no dtab has it, and some write it so. */
function valueOf(member: string): string | null {
  const property = endOf(member, /;/);
  const equals = member.indexOf("=");
  if (equals < 0 || equals > property) return null;
  const written = member.slice(equals + 1, property).trim();
  if (BROKEN_ESCAPE.test(written)) return null;
  const value = decoded(written.replaceAll("+", " "));
  return CONTROL.test(value) ? null : value;
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

const DEADLINE_MEMBER_BYTES = DEADLINE.length + 1 + DEADLINE_BYTES + 2;
const deadlineBytes = Buffer.alloc(DEADLINE_BYTES);

/** Is there room for our members beside those of others, whatever the deadline will be? Theirs are never left out for ours. */
export function fits(localDtab: string, others: string): boolean {
  const members = others === "" ? 0 : others.split(",").filter((member) => member.trim() !== "").length;
  const ownBytes = DEADLINE_MEMBER_BYTES + 1 + (localDtab === "" ? 0 : dtabMember(localDtab).length + 1);
  return members + 2 <= MAX_MEMBERS && others.length + ownBytes <= MAX_BYTES;
}

/** The value of the header as it goes to the service; `""` for none. Ours come first: whoever cuts cuts the end. */
export function baggageToSend(ex: Exchange, message: HttpMessage): string {
  const others = message.otherBaggage ?? "";
  if (!message.ownBaggage) return others;
  const members: string[] = [];
  if (ex.localDtab !== "") members.push(dtabMember(ex.localDtab));
  if (ex.deadline !== null) members.push(deadlineMember(ex.deadline));
  if (others !== "") members.push(others);
  return members.join(",");
}

// Readable where it may be: a path and its arrow need few escapes.
function dtabMember(localDtab: string): string {
  return `${DTAB}=${localDtab.replace(/[^0-9A-Za-z\-._~/:$*#|&>]/g, escaped)}`;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function deadlineMember(deadline: Deadline): string {
  const text = latin1(deadlineBytes, 0, putDeadline(deadline, deadlineBytes, 0));
  return `${DEADLINE}=${text.replace(" ", "%20")}`;
}
