// The runner's own caller, for what no peer is needed.
import { type Agent, request } from "node:http";
import { connect } from "node:net";

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly agent?: Agent;
}

/** Asks `address` for a path of a host. A body goes with its length unless the headers say otherwise. */
export function ask(address: string, host: string, path: string, options: AskOptions = {}): Promise<Answer> {
  const { agent, body, headers, method = body === undefined ? "GET" : "POST" } = options;
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}${path}`, { agent, method, headers: { host, ...headers } }, (answer) => {
      void answer.toArray().then((chunks: Buffer[]) => {
        const whole = Buffer.concat(chunks);
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: whole, text: whole.toString() });
      }, reject);
    });
    sent.on("error", reject).end(body);
  });
}

/** Sends bytes as they are and reads until the other side closes. */
export function sendRaw(address: string, text: string): Promise<string> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => socket.write(text));
    socket.on("error", reject);
    void socket.toArray().then((chunks: Buffer[]) => resolve(Buffer.concat(chunks).toString()), reject);
  });
}
