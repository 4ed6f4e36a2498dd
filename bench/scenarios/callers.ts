// Whoever asks the chain: one request with an id, one answer that must carry it.
import { Agent, type IncomingMessage, request } from "node:http";
import type { Protocol } from "./plan.ts";
import { Channel, message, type Reply, Status } from "./unary.ts";

/** A request that is not answered within this time has failed for whoever waits. */
const PATIENCE_MS = 2000;

/** What an answer with the id of another request is told as. */
export const CROSSED = "crossed";

export interface Caller {
  /** Asks, and tells what went wrong; nothing when the answer is the right one. */
  ask(id: string, write: boolean): Promise<string>;
  close(): void;
}

export function callerOf(protocol: Protocol, port: number, name: string): Caller {
  return protocol === "grpc" ? new GrpcCaller(port, name) : new HttpCaller(port, name);
}

class HttpCaller implements Caller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
  readonly #port: number;
  readonly #name: string;

  constructor(port: number, name: string) {
    this.#port = port;
    this.#name = name;
  }

  ask(id: string, write: boolean): Promise<string> {
    return new Promise((done) => {
      const body = write ? `write ${id}\n` : "";
      const asked = request({
        agent: this.#agent,
        host: "127.0.0.1",
        port: this.#port,
        method: write ? "POST" : "GET",
        path: `/items/${id}`,
        headers: { host: this.#name, "x-id": id, ...(write && { "content-length": body.length }) },
      });
      const patience = setTimeout(() => finish("no answer in time"), PATIENCE_MS);
      const finish = (problem: string): void => {
        clearTimeout(patience);
        done(problem);
        if (problem === "no answer in time") asked.destroy();
      };
      asked.on("response", (answer) => read(answer, id, finish));
      asked.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
      asked.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function read(answer: IncomingMessage, id: string, finish: (problem: string) => void): void {
  let text = "";
  answer.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  answer.on("error", () => finish("broken in the body"));
  answer.on("end", () => {
    const cause = String(answer.headers["fairlead-cause"] ?? "").split(";")[0];
    if (answer.statusCode !== 200) finish(`${answer.statusCode} ${cause}`.trim());
    else if (answer.headers["x-id"] !== id || text !== `answer to ${id}\n`) finish(CROSSED);
    else finish("");
  });
}

class GrpcCaller implements Caller {
  readonly #channel: Channel;
  readonly #name: string;

  constructor(port: number, name: string) {
    this.#channel = new Channel(port, 4);
    this.#name = name;
  }

  async ask(id: string, write: boolean): Promise<string> {
    const path = `/scenarios.Items/${write ? "Write" : "Read"}`;
    const call = this.#channel.call({ ":authority": this.#name, ":path": path, "x-id": id }, message(`item ${id}`));
    const patience = setTimeout(() => call.cancel(), PATIENCE_MS);
    const reply = await call.reply;
    clearTimeout(patience);
    return problemOf(reply, id);
  }

  close(): void {
    this.#channel.close();
  }
}

function problemOf(reply: Reply, id: string): string {
  const cause = reply.cause.split(";")[0];
  const status = reply.headers[":status"];
  if (status === undefined) return reply.broken || "no answer in time";
  if (reply.status === "") return `HTTP ${String(status)} ${reply.broken}`.trim();
  if (reply.status !== Status.ok) return `grpc-status ${reply.status} ${cause}`.trim();
  return reply.headers["x-id"] === id && reply.body.equals(message(`answer to ${id}`)) ? "" : CROSSED;
}
