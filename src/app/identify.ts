// What the routers of a data plane would call a request that is only described: its identifiers are asked, and nothing else happens.
import { Exchange } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";
import { HttpHead } from "../protocols/http/head.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { LINKERD_OVERRIDES } from "../protocols/http/overrides.ts";
import { admit } from "../protocols/http1/admit.ts";
import { Parse, parseRequestHead } from "../protocols/http1/codec/parse-head.ts";
import { LocalDtabs } from "../protocols/http/local-dtabs.ts";
import type { Clock } from "../base/clock.ts";
import { canonicalDtab, type RunningRouter } from "./router.ts";

/** What one router says. The path stands for a name; the override is that of the request, as text. */
export type Identified =
  | { readonly key: string; readonly path: string; readonly override: string }
  | { readonly key: string; readonly error: string };

/** Whoever passes it on has parsed it before, under bounds of its own. */
const LIMITS = { maxLineBytes: 64 * 1024, maxFieldsBytes: 64 * 1024, maxFields: 1000 };

const ENDS = { remote: "", local: "" };

/** @param head as HTTP/1.1 has it, one character per byte. */
export function identify(routers: readonly RunningRouter[], head: string, clock: Clock): readonly Identified[] {
  return routers.flatMap((running) => (running.config.plugged ? [] : [identifiedBy(running, head, clock)]));
}

// Anew for each: an identifier may be a plug-in's, and do with the request what it likes.
function identifiedBy({ key, router }: RunningRouter, text: string, clock: Clock): Identified {
  const head = new HttpHead();
  const bytes = Buffer.from(text, "latin1");
  head.reset();
  head.begin(bytes, 0);
  if (parseRequestHead(head, bytes.length, LIMITS) !== Parse.done) {
    return { key, error: head.problem?.means ?? "the head of the request is not complete" };
  }
  const ex = new Exchange();
  ex.request = head;
  const refusal = admit(ex, head, ENDS, admission(clock));
  if (refusal !== null) return { key, error: inWords(refusal) };
  try {
    const path = router.nameOf(ex);
    return path instanceof Failure ? { key, error: path.message } : { key, path, override: ex.localDtab };
  } catch (error) {
    return { key, error: error instanceof Error ? error.message : String(error) }; // code of a plug-in
  }
}

function inWords({ cause: { means }, message }: Failure): string {
  return message === means ? means : `${means} (${message})`;
}

// Anybody may override anything: it is only about how the request would be called.
function admission(clock: Clock): AdmissionOptions {
  return {
    clearContext: false,
    b3: false,
    maxCallDepth: Number.POSITIVE_INFINITY,
    timestampHeader: "",
    forwarded: null,
    localDtabs: new LocalDtabs(canonicalDtab, clock),
    overrides: LINKERD_OVERRIDES,
  };
}
