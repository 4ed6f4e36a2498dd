// One batch on its way to Zipkin: a connection of its own, one question, and at most a while to answer it.
import type { Env } from "../../base/env.ts";
import type { Transport } from "../../core/byte-stream.ts";
import type { SocketAddress } from "../../core/socket-address.ts";
import { NOT_ASKED, Probe } from "../../resilience/health/probe.ts";
import type { Question } from "../../resilience/health/question.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";

/** Settles once. */
export interface Sending {
  /** Rejects, in words, when it did not get there. */
  readonly done: Promise<void>;
  /** Nobody waits for it any more. */
  cancel(): void;
}

export type SendBatch = (batch: readonly TracedRequest[]) => Sending;

/** What it stands on. */
export interface SendingWorld {
  readonly env: Env;
  readonly transport: Transport;
  /** Resolves when a host can be looked up, without standing in the way of others who look up theirs. */
  readonly lookUp: (host: string) => Promise<unknown>;
}

/** So long a batch may take. */
const TIMEOUT_MS = 5000;

/** @param prepared what to say, which may take a while to be put together. */
export function sending(world: SendingWorld, place: SocketAddress, prepared: Promise<Question>): Sending {
  const { env, lookUp, transport } = world;
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  let probe: Probe | null = null;
  let over = false;
  const end = (why: string | null) => {
    if (over) return;
    over = true;
    timer.cancel();
    probe?.cancel();
    if (why === null) resolve();
    else reject(new Error(why));
  };
  const timer = env.timers.after(TIMEOUT_MS, () => end(`it did not answer within ${TIMEOUT_MS} ms`));
  Promise.all([prepared, lookUp(place.host)]).then(
    ([question]) => {
      if (over) return;
      probe = new Probe(transport, place, question, (found) =>
        end(found === NOT_ASKED ? "this process has no descriptors left" : found),
      );
    },
    (error: unknown) => end(error instanceof Error ? error.message : String(error)),
  );
  return { done: promise, cancel: () => end("it was given up") };
}
