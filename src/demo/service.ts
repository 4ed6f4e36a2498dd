// What the services of the demo share.
import type http from "node:http";
import type { AddressInfo } from "node:net";

/** Listens on a free port of this machine; resolves to the port. */
export async function listen(server: http.Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port; // it listens on a port
}

/** The body of a message. */
export async function textOf(message: http.IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message.setEncoding("utf8")) text += String(chunk);
  return text;
}
