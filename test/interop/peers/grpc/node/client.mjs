// gRPC in Node: `client.mjs ADDRESS CASE…` runs interop cases against a service and says how each went.
import assert from "node:assert/strict";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { TestService, UnimplementedService, zeros } from "./service.mjs";

const NO_COMPRESS = 2;
const GZIP = { "grpc.default_compression_algorithm": 2 };
const REQUEST_SIZES = [27182, 8, 1828, 45904];
const ANSWER_SIZES = [31415, 9, 2653, 58979];
const LARGE = { responseSize: 314159, payload: zeros(271828) };
const FAILURE = { code: status.UNKNOWN, message: "test status message" };
const INITIAL = ["x-grpc-test-echo-initial", "test_initial_metadata_value"];
const TRAILING = ["x-grpc-test-echo-trailing-bin", Buffer.from("0a0b0a0b0a0b", "hex")];
const SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";

const [, , address, ...names] = process.argv;

function connect(Service, options = {}) {
  return new Service(address, credentials.createInsecure(), options);
}

/** Longer than any case may take. */
function patience() {
  return { deadline: Date.now() + 20_000 };
}

/** One answer to one request, with the metadata around it; never throws. */
function unary(client, method, request, metadata = new Metadata(), options = patience()) {
  return new Promise((resolve) => {
    const told = {};
    const call = client[method](request, metadata, options, (error, answer) => Object.assign(told, { error, answer }));
    call.on("metadata", (initial) => (told.initial = initial));
    call.on("status", (end) => resolve({ ...told, ...end }));
  });
}

/** How a stream went: its messages, its metadata and its status. `message` is called for each of them. */
function follow(call, message = () => {}) {
  return new Promise((resolve) => {
    const told = { sizes: [] };
    call.on("metadata", (initial) => (told.initial = initial));
    call.on("data", ({ payload }) => {
      told.sizes.push(payload.body.length);
      message(told.sizes.length);
    });
    // The status says the same.
    call.on("error", () => {});
    call.on("status", (end) => resolve({ ...told, ...end }));
  });
}

function ok({ code, details }) {
  assert.equal(code, status.OK, details);
}

/** Says the status once the call has ended; the answer to a stream of requests comes through `callback`. */
function collect(client, options = patience()) {
  let call;
  const ended = new Promise((resolve) => {
    const told = {};
    call = client.streamingInputCall(new Metadata(), options, (_, answer) => (told.answer = answer));
    call.on("status", (end) => resolve({ ...told, ...end }));
  });
  return { call, ended };
}

const cases = {
  async empty_unary(client) {
    const told = await unary(client, "emptyCall", {});
    ok(told);
    assert.ok(told.answer);
  },
  async large_unary(client) {
    const told = await unary(client, "unaryCall", LARGE);
    ok(told);
    assert.ok(told.answer.payload.body.equals(Buffer.alloc(314159)));
  },
  async client_streaming(client) {
    const { call, ended } = collect(client);
    for (const size of REQUEST_SIZES) call.write({ payload: zeros(size) });
    call.end();
    const told = await ended;
    ok(told);
    assert.equal(told.answer.aggregatedPayloadSize, 74922);
  },
  async server_streaming(client) {
    const request = { responseParameters: ANSWER_SIZES.map((size) => ({ size })) };
    const told = await follow(client.streamingOutputCall(request, patience()));
    ok(told);
    assert.deepEqual(told.sizes, ANSWER_SIZES);
  },
  async ping_pong(client) {
    const call = client.fullDuplexCall(patience());
    const send = (i) => {
      if (i === ANSWER_SIZES.length) call.end();
      else call.write({ responseParameters: [{ size: ANSWER_SIZES[i] }], payload: zeros(REQUEST_SIZES[i]) });
    };
    const following = follow(call, send);
    send(0);
    const told = await following;
    ok(told);
    assert.deepEqual(told.sizes, ANSWER_SIZES);
  },
  async empty_stream(client) {
    const call = client.fullDuplexCall(patience());
    call.end();
    const told = await follow(call);
    ok(told);
    assert.deepEqual(told.sizes, []);
  },
  async cancel_after_begin(client) {
    const { call, ended } = collect(client);
    setTimeout(() => call.cancel(), 10);
    assert.equal((await ended).code, status.CANCELLED);
  },
  async cancel_after_first_response(client) {
    const call = client.fullDuplexCall(patience());
    call.write({ responseParameters: [{ size: 31415 }], payload: zeros(27182) });
    const told = await follow(call, () => call.cancel());
    assert.deepEqual([told.code, told.sizes], [status.CANCELLED, [31415]]);
  },
  async timeout_on_sleeping_server(client) {
    // The connection stands already, so that it is the call that times out.
    ok(await unary(client, "emptyCall", {}));
    const slow = { responseParameters: [{ size: 31415, intervalUs: 1_000_000 }], payload: zeros(27182) };
    let code;
    // The service has the same deadline. When it is the first to see it pass it resets the stream, which is another status.
    for (let tries = 0; tries < 5 && code !== status.DEADLINE_EXCEEDED; tries++) {
      const call = client.fullDuplexCall({ deadline: Date.now() + 30 });
      call.write(slow);
      code = (await follow(call)).code;
    }
    assert.equal(code, status.DEADLINE_EXCEEDED);
  },
  async status_code_and_message(client) {
    const told = await unary(client, "unaryCall", { responseStatus: FAILURE });
    assert.deepEqual([told.code, told.details], [FAILURE.code, FAILURE.message]);
    const call = client.fullDuplexCall(patience());
    call.write({ responseStatus: FAILURE });
    call.end();
    const ended = await follow(call);
    assert.deepEqual([ended.code, ended.details], [FAILURE.code, FAILURE.message]);
  },
  async special_status_message(client) {
    const told = await unary(client, "unaryCall", { responseStatus: { code: status.UNKNOWN, message: SPECIAL } });
    assert.deepEqual([told.code, told.details], [status.UNKNOWN, SPECIAL]);
  },
  async custom_metadata(client) {
    const metadata = new Metadata();
    for (const [name, value] of [INITIAL, TRAILING]) metadata.set(name, value);
    const call = client.fullDuplexCall(metadata, patience());
    call.end({ responseParameters: [{ size: 1 }], payload: zeros(1) });
    const following = follow(call);
    const first = await unary(client, "unaryCall", { responseSize: 1, payload: zeros(1) }, metadata);
    for (const told of [first, await following]) {
      ok(told);
      assert.deepEqual(told.initial.get(INITIAL[0]), [INITIAL[1]]);
      assert.deepEqual(told.metadata.get(TRAILING[0]), [TRAILING[1]]);
    }
  },
  async unimplemented_method(client) {
    assert.equal((await unary(client, "unimplementedCall", {})).code, status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const client = connect(UnimplementedService);
    assert.equal((await unary(client, "unimplementedCall", {})).code, status.UNIMPLEMENTED);
    client.close();
  },
  async client_compressed_unary() {
    // grpc-js compresses by channel, not by call.
    const [client, plain] = [connect(TestService, GZIP), connect(TestService)];
    const ask = (value, compressed) =>
      unary(compressed ? client : plain, "unaryCall", { ...LARGE, expectCompressed: { value } });
    assert.equal((await ask(true, false)).code, status.INVALID_ARGUMENT);
    for (const value of [true, false]) {
      const told = await ask(value, value);
      ok(told);
      assert.equal(told.answer.payload.body.length, 314159);
    }
    client.close();
    plain.close();
  },
  async client_compressed_streaming() {
    const client = connect(TestService, GZIP);
    const probe = collect(client);
    probe.call.write({ payload: zeros(27182), expectCompressed: { value: true } }, NO_COMPRESS);
    probe.call.end();
    assert.equal((await probe.ended).code, status.INVALID_ARGUMENT);
    const { call, ended } = collect(client);
    call.write({ payload: zeros(27182), expectCompressed: { value: true } });
    call.write({ payload: zeros(45904), expectCompressed: { value: false } }, NO_COMPRESS);
    call.end();
    const told = await ended;
    ok(told);
    assert.equal(told.answer.aggregatedPayloadSize, 73086);
    client.close();
  },
  async rpc_soak(client) {
    const request = { responseSize: 10_000, payload: zeros(10_000) };
    const work = async () => {
      for (let i = 0; i < 50; i++) {
        const told = await unary(client, "unaryCall", request);
        ok(told);
        assert.equal(told.answer.payload.body.length, 10_000);
      }
    };
    await Promise.all([work(), work(), work(), work()]);
  },
};

for (const name of names) {
  const client = connect(TestService);
  try {
    await cases[name](client);
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${error.message.replaceAll(/\s+/g, " ")}`);
  }
  client.close();
}
console.log(`${names.length} checks`);
