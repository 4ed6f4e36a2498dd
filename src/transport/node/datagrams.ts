// Datagrams by `node:dgram`. Each batch has a socket of its own, and looks its host up anew: who sends every few seconds can afford it, and
// nothing is left over that could break in between.
import dgram from "node:dgram";
import type { SentDatagrams } from "../../core/datagrams.ts";
import { lookUpAside } from "./aside-lookup.ts";

/** See `SendDatagrams`. */
export async function sendDatagrams(
  host: string,
  port: number,
  datagrams: Iterable<Uint8Array>,
): Promise<SentDatagrams> {
  const { address, family } = await lookUpAside(host);
  const socket = dgram.createSocket(family === 6 ? "udp6" : "udp4");
  socket.unref();
  let lost = 0;
  let sent = 0;
  let failed = 0;
  try {
    await opened(socket);
    socket.on("error", () => lost++); // such as an ICMP answer to what was sent before
    for (const datagram of datagrams) {
      if (await sendOne(socket, datagram, port, address)) sent++;
      else failed++;
    }
  } finally {
    socket.close();
  }
  return { sent, failed: failed + lost };
}

// Sending would do it too, but never say that it could not: without a descriptor left one would wait for ever.
async function opened(socket: dgram.Socket): Promise<void> {
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ port: 0, exclusive: true }, resolve);
  await promise;
  socket.off("error", reject);
}

function sendOne(socket: dgram.Socket, datagram: Uint8Array, port: number, address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.send(datagram, port, address, (error) => resolve(error === null));
  return promise;
}
