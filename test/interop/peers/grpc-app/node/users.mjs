// Users, in Node: `users.mjs ADDRESS`. It knows Ada, has an error for "nobody", and no end for "slow …".
import { Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";
import { Users } from "./shop.mjs";

function line(call, text) {
  const leftMs = Number(call.getDeadline()) - Date.now();
  return { text: `${text}, says users v1`, leftMs: Number.isFinite(leftMs) ? leftMs : 0 };
}

/** google.rpc.Status with a StringValue as its only detail, in the wire format of Protocol Buffers. */
function richStatus(code, message, detail) {
  const field = (number, bytes) => Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  const value = field(1, Buffer.from(detail));
  const any = Buffer.concat([
    field(1, Buffer.from("type.googleapis.com/google.protobuf.StringValue")),
    field(2, value),
  ]);
  return Buffer.concat([Buffer.from([8, code]), field(2, Buffer.from(message)), field(3, any)]);
}

function nobody() {
  const details = "there is no such user: ☺ 100 %";
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", richStatus(status.NOT_FOUND, details, "ask for Ada"));
  return { code: status.NOT_FOUND, details, metadata };
}

const users = {
  get(call, callback) {
    const { user } = call.request;
    if (user === "nobody") callback(nobody());
    else if (user.startsWith("slow")) call.on("cancelled", () => console.log(`nobody waits for ${user} any more`));
    else callback(null, line(call, user));
  },
  async follow(call) {
    const { user } = call.request;
    call.on("cancelled", () => console.log(`nobody waits for ${user} any more`));
    for (let i = 1; !call.cancelled && (i <= 5 || user.startsWith("slow")); i++) {
      call.write(line(call, `${user} ${i}`));
      await sleep(20);
    }
    if (user === "Ada, then nobody") call.emit("error", nobody());
    else call.end();
  },
};

const server = new Server();
server.addService(Users.service, users);
server.bindAsync(process.argv[2], ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
