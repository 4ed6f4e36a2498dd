// gRPC over node:http2: `frames-client.mjs ADDRESS CASE…` runs the compression cases and sees what was compressed.
import assert from "node:assert/strict";
import { status } from "@grpc/grpc-js";
import { connect } from "node:http2";
import { frame, framesOf } from "./frames.mjs";
import { TestService, zeros } from "./service.mjs";

const [, , address, ...names] = process.argv;
const session = connect(`http://${address}`);
const {
  StreamingInputCall: streamingInputCall,
  StreamingOutputCall: streamingOutputCall,
  UnaryCall: unaryCall,
} = TestService.service;
const LARGE = { responseSize: 314159, payload: zeros(271828) };

/** Sends messages, each compressed or not, and says which came back and how it ended. */
async function ask(method, ...messages) {
  const stream = session.request({
    ":method": "POST",
    ":path": method.path,
    "content-type": "application/grpc",
    "grpc-encoding": "gzip",
    "grpc-accept-encoding": "gzip",
    te: "trailers",
  });
  let ending = {};
  for (const event of ["response", "trailers"]) stream.on(event, (headers) => (ending = { ...ending, ...headers }));
  for (const [message, compressed] of messages) stream.write(frame(method.requestSerialize(message), compressed));
  stream.end();
  const frames = await framesOf(stream);
  return {
    code: Number(ending["grpc-status"]),
    compressed: frames.map((one) => one.compressed),
    answers: frames.map((one) => method.responseDeserialize(one.message)),
  };
}

function sizes({ answers }) {
  return answers.map(({ payload }) => payload.body.length);
}

const cases = {
  async client_compressed_unary() {
    const tell = (value, compressed) => ask(unaryCall, [{ ...LARGE, expectCompressed: { value } }, compressed]);
    assert.equal((await tell(true, false)).code, status.INVALID_ARGUMENT);
    for (const value of [true, false]) assert.deepEqual(sizes(await tell(value, value)), [314159]);
  },
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const told = await ask(unaryCall, [{ ...LARGE, responseCompressed: { value } }, false]);
      assert.deepEqual([told.code, told.compressed, sizes(told)], [status.OK, [value], [314159]]);
    }
  },
  async client_compressed_streaming() {
    const request = (size, value) => ({ payload: zeros(size), expectCompressed: { value } });
    const probe = await ask(streamingInputCall, [request(27182, true), false]);
    assert.equal(probe.code, status.INVALID_ARGUMENT);
    const told = await ask(streamingInputCall, [request(27182, true), true], [request(45904, false), false]);
    assert.deepEqual([told.code, told.answers], [status.OK, [{ aggregatedPayloadSize: 73086 }]]);
  },
  async server_compressed_streaming() {
    const responseParameters = [
      { size: 31415, compressed: { value: true } },
      { size: 92653, compressed: { value: false } },
    ];
    const told = await ask(streamingOutputCall, [{ responseParameters }, false]);
    assert.deepEqual([told.code, told.compressed, sizes(told)], [status.OK, [true, false], [31415, 92653]]);
  },
};

for (const name of names) {
  try {
    await cases[name]();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${error.message.replaceAll(/\s+/g, " ")}`);
  }
}
console.log(`${names.length} checks`);
session.close();
