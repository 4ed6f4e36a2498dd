// Work of 3 s on grpc-js, for the case `cancel`: `grpc.mjs ADDRESS`.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { work } from "./work.mjs";

const ways = {
  cancelled: (call, left) => call.on("cancelled", left),
  plain: () => undefined,
};

/** A method as proto-loader would describe it; its messages are empty. */
function method(name) {
  const empty = () => Buffer.alloc(0);
  return {
    path: `/cancel.Work/${name}`,
    requestStream: false,
    responseStream: false,
    requestSerialize: empty,
    requestDeserialize: empty,
    responseSerialize: empty,
    responseDeserialize: empty,
  };
}

function handler(name) {
  return async (call, callback) => {
    await work(String(call.metadata.get("id")[0]), (left) => ways[name](call, left));
    callback(null, {});
  };
}

const names = Object.keys(ways);
const server = new Server();
server.addService(
  Object.fromEntries(names.map((name) => [name, method(name)])),
  Object.fromEntries(names.map((name) => [name, handler(name)])),
);
server.bindAsync(process.argv[2], ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
