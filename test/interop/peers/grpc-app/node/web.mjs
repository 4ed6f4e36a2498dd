// Web, in Node: `web.mjs ADDRESS OTHERS` serves at ADDRESS, and finds all other services at OTHERS.
import { credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { Orders, Web } from "./shop.mjs";

const orders = new Orders(process.argv[3], credentials.createInsecure());

// The contract with applications: what begins with l5d-ctx- goes on with the calls made for this one. Three lines.
function withContext({ metadata }) {
  const context = new Metadata();
  for (const [name, value] of Object.entries(metadata.getMap()))
    if (name.startsWith("l5d-ctx-")) context.set(name, value);
  return context;
}

function page({ leftMs, text }) {
  return { text: `web in Node: ${text}`, leftMs };
}

/** With its details. */
function passedBack({ code, details, metadata: given }) {
  const metadata = new Metadata();
  for (const value of given.get("grpc-status-details-bin")) metadata.add("grpc-status-details-bin", value);
  return { code, details, metadata };
}

const web = {
  show(call, callback) {
    // `parent` passes deadline and cancellation on.
    orders.last(call.request, withContext(call), { parent: call }, (error, line) => {
      callback(error === null ? null : passedBack(error), error === null ? page(line) : undefined);
    });
  },
  watch(call) {
    const lines = orders.follow(call.request, withContext(call), { parent: call });
    lines.on("data", (line) => call.write(page(line)));
    lines.on("error", (error) => call.emit("error", passedBack(error)));
    lines.on("end", () => call.end());
  },
};

const server = new Server();
server.addService(Web.service, web);
server.bindAsync(process.argv[2], ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
