// Spans as Zipkin takes them over HTTP: `POST /api/v2/spans`, a JSON list, compressed or not. Of the answer the status is read.
import type { SocketAddress } from "../../core/socket-address.ts";
import { StatusJudge } from "../../resilience/health/http-question.ts";
import type { Question } from "../../resilience/health/question.ts";
import { type SendBatch, sending, type SendingWorld } from "./sending.ts";
import { spansOf } from "./spans.ts";

/** What a telemeter says about it. */
export interface ZipkinHttpSpec {
  readonly hostHeader: string;
  readonly compressionEnabled: boolean;
}

const ACCEPTED = { minStatus: 200, maxStatus: 299 };

/** Sends batches to one place. */
export function zipkinHttp(spec: ZipkinHttpSpec, place: SocketAddress, world: SendingWorld): SendBatch {
  return (batch) => {
    const json = Buffer.from(JSON.stringify(batch.flatMap(spansOf)), "utf8");
    return sending(world, place, post(json, spec));
  };
}

async function post(json: Buffer, { compressionEnabled, hostHeader }: ZipkinHttpSpec): Promise<Question> {
  const body = compressionEnabled ? await compressed(json) : json;
  const lines = [
    "POST /api/v2/spans HTTP/1.1",
    `Host: ${hostHeader}`,
    "User-Agent: fairlead",
    "Content-Type: application/json",
    ...(compressionEnabled ? ["Content-Encoding: gzip"] : []),
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return { bytes: Buffer.concat([head, body]), judge: () => new StatusJudge(ACCEPTED) };
}

function compressed(json: Buffer): Promise<Buffer> {
  const { gzip } = process.getBuiltinModule("node:zlib"); // loaded when it is needed
  const { promise, reject, resolve } = Promise.withResolvers<Buffer>();
  gzip(json, (error, body) => (error === null ? resolve(body) : reject(error)));
  return promise;
}
