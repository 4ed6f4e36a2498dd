// Datagrams by `node:dgram`. Each batch has a socket of its own, and looks its host up anew: who sends every few seconds can afford it, and
// nothing is left over that could break in between.
import dgram from "node:dgram";
import { lookup } from "node:dns/promises";
import type { SentDatagrams } from "../../core/datagrams.ts";

/** See `SendDatagrams`. */
export async function sendDatagrams(
  host: string,
  port: number,
  datagrams: Iterable<Uint8Array>,
): Promise<SentDatagrams> {
  const { address, family } = await lookup(host);
  const socket = dgram.createSocket(family === 6 ? "udp6" : "udp4");
  socket.unref();
  let lost = 0;
  socket.on("error", () => lost++); // such as an ICMP answer to what was sent before
  let sent = 0;
  let failed = 0;
  try {
    for (const datagram of datagrams) {
      if (await sendOne(socket, datagram, port, address)) sent++;
      else failed++;
    }
  } finally {
    socket.close();
  }
  return { sent, failed: failed + lost };
}

function sendOne(socket: dgram.Socket, datagram: Uint8Array, port: number, address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.send(datagram, port, address, (error) => resolve(error === null));
  return promise;
}
