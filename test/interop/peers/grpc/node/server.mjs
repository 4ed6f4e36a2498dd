// gRPC in Node: `server.mjs ADDRESS` serves the interop service.
import { Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";
import { TestService, zeros } from "./service.mjs";

const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";

/** Sends the asked-for initial metadata back at once, and returns the trailing ones. */
function echoMetadata(call) {
  const initial = new Metadata();
  const trailing = new Metadata();
  for (const value of call.metadata.get(INITIAL)) initial.add(INITIAL, value);
  for (const value of call.metadata.get(TRAILING)) trailing.add(TRAILING, value);
  if (Object.keys(initial.getMap()).length > 0) call.sendMetadata(initial);
  return trailing;
}

function asked(status, metadata) {
  return status?.code > 0 ? { code: status.code, details: status.message, metadata } : null;
}

function unary(call, callback) {
  const trailing = echoMetadata(call);
  const { responseSize, responseStatus } = call.request;
  callback(asked(responseStatus, trailing), { payload: zeros(responseSize) }, trailing);
}

async function answer(call, request) {
  for (const { intervalUs, size } of request.responseParameters) {
    if (intervalUs > 0) await sleep(intervalUs / 1000);
    if (call.write({ payload: zeros(size) })) continue;
    await new Promise((resolve) => {
      for (const event of ["drain", "cancelled"]) call.once(event, resolve);
    });
  }
}

/** Answers one request after another. Not with `for await`: it ends answers with requests, and throws when a caller gives up. */
function fullDuplex(call) {
  const trailing = echoMetadata(call);
  let answered = Promise.resolve();
  call.on("data", (request) => {
    const error = asked(request.responseStatus, trailing);
    answered = answered.then(() => (error === null ? answer(call, request) : void call.emit("error", error)));
  });
  call.on("end", () => void answered.then(() => call.end(trailing)));
}

const service = {
  emptyCall: (_, callback) => callback(null, {}),
  unaryCall: unary,
  cacheableUnaryCall: unary,
  async streamingOutputCall(call) {
    await answer(call, call.request);
    call.end();
  },
  streamingInputCall(call, callback) {
    let aggregatedPayloadSize = 0;
    call.on("data", ({ payload }) => (aggregatedPayloadSize += payload.body.length));
    call.on("end", () => callback(null, { aggregatedPayloadSize }));
  },
  fullDuplexCall: fullDuplex,
  halfDuplexCall(call) {
    const requests = [];
    call.on("data", (request) => requests.push(request));
    call.on("end", async () => {
      for (const request of requests) await answer(call, request);
      call.end();
    });
  },
};

const server = new Server();
server.addService(TestService.service, service);
server.bindAsync(process.argv[2], ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
