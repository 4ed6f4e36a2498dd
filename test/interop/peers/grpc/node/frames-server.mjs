// gRPC over node:http2: `frames-server.mjs ADDRESS` serves the methods of the compression cases and sees what was compressed.
import { status } from "@grpc/grpc-js";
import { createServer } from "node:http2";
import { frame, framesOf } from "./frames.mjs";
import { TestService, zeros } from "./service.mjs";

const methods = new Map(Object.values(TestService.service).map((method) => [method.path, method]));

/** What each method answers to its requests: messages, each with the wish to have it compressed. */
const answers = {
  EmptyCall: () => [{ message: {} }],
  UnaryCall: ([{ responseCompressed, responseSize }]) => [
    { message: { payload: zeros(responseSize) }, compressed: responseCompressed?.value },
  ],
  StreamingInputCall: (requests) => {
    const sizes = requests.map(({ payload }) => payload.body.length);
    return [{ message: { aggregatedPayloadSize: sizes.reduce((sum, size) => sum + size, 0) } }];
  },
  StreamingOutputCall: ([{ responseParameters }]) =>
    responseParameters.map(({ compressed, size }) => {
      return { message: { payload: zeros(size) }, compressed: compressed?.value };
    }),
};

/** Is there a message that is compressed and should not be, or the other way round? */
function surprising(requests, frames) {
  return requests.some(({ expectCompressed }, i) => {
    return (expectCompressed ?? null) !== null && expectCompressed.value !== frames[i].compressed;
  });
}

const server = createServer();
server.on("stream", async (stream, headers) => {
  const method = methods.get(headers[":path"]);
  const answer = answers[method?.originalName.replace(/^./, (first) => first.toUpperCase())];
  const frames = await framesOf(stream);
  const end = (code) => stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(code) }));
  stream.respond(
    { ":status": 200, "content-type": "application/grpc", "grpc-encoding": "gzip" },
    { waitForTrailers: true },
  );
  if (answer === undefined) return void end(status.UNIMPLEMENTED).end();
  const requests = frames.map(({ message }) => method.requestDeserialize(message));
  if (surprising(requests, frames)) return void end(status.INVALID_ARGUMENT).end();
  end(status.OK);
  for (const { compressed = false, message } of answer(requests)) {
    stream.write(frame(method.responseSerialize(message), compressed));
  }
  stream.end();
});
const [host, port] = process.argv[2].split(":");
server.listen(Number(port), host);
