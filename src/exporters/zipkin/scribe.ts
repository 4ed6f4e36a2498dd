// Spans as Scribe takes them: one call of `Log(1: list<LogEntry{1: category, 2: message}>)` in a frame, each message a span in base64.
import type { SocketAddress } from "../../core/socket-address.ts";
import type { Judge, Question } from "../../resilience/health/question.ts";
import { type SendBatch, sending, type SendingWorld } from "./sending.ts";
import { spansOf } from "./spans.ts";
import { thriftSpan } from "./thrift-span.ts";
import { int32Reply, thriftCall, ThriftWriter } from "./thrift-writer.ts";

const CATEGORY = "zipkin";
/** The result codes of Scribe. */
const OK = 0;
const TRY_LATER = 1;
/** An answer is a code; one that announces more is none. */
const MAX_ANSWER_BYTES = 4096;

/** Sends batches to one place. */
export function zipkinScribe(place: SocketAddress, world: SendingWorld): SendBatch {
  return (batch) => {
    const messages = batch.flatMap(spansOf).map((span) => thriftSpan(span).toString("base64"));
    return sending(world, place, Promise.resolve(logQuestion(messages)));
  };
}

export function logQuestion(messages: readonly string[]): Question {
  const out = new ThriftWriter();
  out.list(
    1,
    messages.map((message) => () => {
      out.text(1, CATEGORY);
      out.text(2, message);
      out.stop();
    }),
  );
  out.stop();
  return { bytes: thriftCall("Log", out.take()), judge: () => new ReplyJudge() };
}

class ReplyJudge implements Judge {
  #read = Buffer.alloc(0);

  read(chunk: Buffer): string | null | undefined {
    this.#read = Buffer.concat([this.#read, chunk]);
    if (this.#read.length < 4) return undefined;
    const length = this.#read.readUInt32BE(0);
    if (length > MAX_ANSWER_BYTES) return "it does not answer as Scribe does";
    if (this.#read.length < 4 + length) return undefined;
    const code = int32Reply(this.#read.subarray(4, 4 + length));
    if (code === OK) return null;
    return code === TRY_LATER ? "it says that it has too much to do" : "it does not answer as Scribe does";
  }
}
