// What the heads of all HTTP versions have in common: enough to admit, name, forward and log a message without knowing its version.
import type { Scratch } from "../../base/scratch.ts";
import type { LineBuffer } from "../../telemetry/line-buffer.ts";
import type { MessageHead } from "../../core/message-head.ts";

/** A request or answer head of any version. Known names have the ids of `Field`, others 0. */
export interface HttpMessage extends MessageHead {
  /** How many fields there are; pseudo-header fields (RFC 9113 §8.3) are not among them. */
  readonly count: number;
  id(field: number): number;
  /** As it was received: HTTP/1 names in any case, HTTP/2 names in lower case. */
  name(field: number): string;
  value(field: number): string;
  /** Number of the first field with a known id, or -1. */
  find(id: number): number;
  /** Number of the next field with this id after `field`, or -1. */
  findNext(id: number, field: number): number;

  readonly method: string;
  /** Path and query to forward. */
  readonly target: string;
  /** The authority to route by; `""` when there is none. */
  readonly host: string;
  /** `HTTP/1.0`, `HTTP/1.1` or `HTTP/2.0`; `""` of a request line that could not be read. */
  readonly version: string;
  /** Status code of an answer. */
  readonly status: number;
  /** The target came in absolute form (RFC 9112 §3.2.2); never in HTTP/2. */
  readonly absolute: boolean;

  // What is decided before the message is forwarded.
  /** Replaces the target. */
  newTarget: string | null;
  /** Replaces the authority. */
  newHost: string | null;
  /** Edge mode: `l5d-*` fields of the message are not forwarded. */
  clearContext: boolean;
  /** Replaces the fields `baggage`: the members of others, `""` for none; null where the fields go on as they came. */
  otherBaggage: string | null;
  /** Our own members are added to those. */
  ownBaggage: boolean;
  /** Adds a field of the proxy's own. */
  addField(name: string, value: string): void;
  readonly hasAdded: boolean;
  /** Those fields. */
  eachAdded(visit: (name: string, value: string) => void): void;

  /** Writes a field as a line of HTTP/1, with its end. */
  putLine(scratch: Scratch, field: number): void;

  // For logs: as received, and not made a string on the way where the message is bytes. False, and nothing written, when there is none.
  putMethod(line: LineBuffer): boolean;
  putTarget(line: LineBuffer): boolean;
  /** The authority; nothing where it has blanks, which could pass for other fields of a line. */
  putHost(line: LineBuffer): boolean;
  /** Also false when the value is empty. */
  putValue(line: LineBuffer, field: number): boolean;
}
