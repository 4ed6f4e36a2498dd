// The services `search`, `index` and `shard` of the demo: each works for whoever asks it, by asking the next, by name, through the proxy. None
// goes on when nobody waits for its answer any more.
import http from "node:http";
import type { Env } from "../base/env.ts";
import { listen } from "./service.ts";

/** In the order in which they ask each other. */
export const CHAIN = ["search", "index", "shard"] as const;
export type Link = (typeof CHAIN)[number];

export const WORK_MS = 5000;

/**
 * Starts one; resolves to its port.
 * @param tell hears how long it worked before it was told to stop.
 */
export function serveLink(link: Link, proxyPort: number, env: Env, tell: (stopped: string) => void): Promise<number> {
  const next = CHAIN[CHAIN.indexOf(link) + 1];
  const server = http.createServer((request, response) => {
    const sinceMs = env.clock.nowMs();
    response.write(`${link} works\n`);
    const work = next === undefined ? computed(response, env) : asked(next, proxyPort, request, response);
    // All that an application has to do: `close` comes when the answer is complete, and when its caller has left.
    response.on("close", () => {
      if (response.writableFinished) return;
      work[Symbol.dispose]();
      tell(`${link} worked ${Math.round(env.clock.nowMs() - sinceMs)} ms of ${WORK_MS}`);
    });
  });
  return listen(server);
}

/** The last one's work takes time. */
function computed(response: http.ServerResponse, { timers }: Env): Disposable {
  return timers.after(WORK_MS, () => response.end("found\n"));
}

/** The others hand on the answer of the next. */
function asked(next: Link, port: number, { headers }: http.IncomingMessage, response: http.ServerResponse): Disposable {
  const context = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("l5d-ctx-")));
  const call = http
    .get({ host: "127.0.0.1", port, headers: { ...context, Host: next } }, (answer) => void answer.pipe(response))
    .on("error", () => response.end(`${next} cannot be reached\n`));
  return { [Symbol.dispose]: () => void call.destroy() };
}
