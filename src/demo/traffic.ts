// Requests to the demo's proxy: a few a second, so that there is something to see.
import http from "node:http";
import type { Timers } from "../base/timers.ts";
import { textOf } from "./service.ts";

const EVERY_MS = 250;
/** A request that gets nothing for so long is given up. */
const SILENCE_MS = 3000;
/** One request in so many asks for the second version. */
const OVERRIDDEN = 5;

export const OVERRIDE = "/svc/users => /svc/users-v2";

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Asks for `web` through the proxy. Rejects when it cannot be reached. */
export function askWeb(proxyPort: number, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const options = {
    host: "127.0.0.1",
    port: proxyPort,
    agent: false,
    timeout: SILENCE_MS,
    headers: { Host: "web", ...headers },
  };
  const request = http
    .get(options, (answer) => {
      textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject);
    })
    .on("error", reject)
    .on("timeout", () => request.destroy(new Error(`no answer within ${SILENCE_MS} ms`)));
  return promise;
}

/** Asks for `search`, and leaves `patienceMs` after the last service of its chain has begun to work. Rejects when that does not happen. */
export function leaveSearch(proxyPort: number, timers: Timers, patienceMs: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const options = {
    host: "127.0.0.1",
    port: proxyPort,
    agent: false,
    headers: { Host: "search" },
  };
  const request = http
    .get(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (!text.endsWith("shard works\n")) return;
        timers.after(patienceMs, () => {
          resolve();
          request.destroy();
        });
      });
      answer.on("error", reject).on("end", () => reject(new Error(`search answered ${answer.statusCode}: ${text}`)));
    })
    .on("error", reject);
  return promise;
}

/** Sends requests until disposed of. Failures are the proxy's to report. */
export function sendTraffic(proxyPort: number, timers: Timers): Disposable {
  let sent = 0;
  return timers.every(EVERY_MS, () => {
    const headers = ++sent % OVERRIDDEN === 0 ? { "l5d-dtab": OVERRIDE } : {};
    askWeb(proxyPort, headers).catch(() => undefined);
  });
}
