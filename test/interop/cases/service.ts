// What every service must be able to do behind fairlead, in whatever language it is written.
import { deepEqual, equal, match } from "node:assert/strict";
import { Agent } from "node:http";
import { ask, sendRaw } from "../ask.ts";
import type { Stage } from "../stage.ts";

const LINES = Array.from({ length: 10 }, (_, i) => `chunk ${i}\n`).join("");
const BODY = Buffer.alloc(100_000, "0123456789");

/** Runs the cases of the service that `Host: NAME` leads to. */
export async function checkService({ fairlead, report }: Stage, name: string): Promise<void> {
  const { byHost } = fairlead;
  const check = (what: string, run: () => Promise<void>) => report.case(`service ${name} ${what}`, run);

  await check("answers 50 requests and a HEAD over one connection of a caller", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 50; i++) equal((await ask(byHost, name, "/hello", { agent })).text, `${name} hello\n`);
    const head = await ask(byHost, name, "/hello", { agent, method: "HEAD" });
    deepEqual([head.status, head.text], [200, ""]);
    equal((await ask(byHost, name, "/hello", { agent })).text, `${name} hello\n`);
    agent.destroy();
  });

  await check("answers 200 requests, 20 at once", async () => {
    const work = async () => {
      for (let i = 0; i < 10; i++) equal((await ask(byHost, name, "/hello")).text, `${name} hello\n`);
    };
    await Promise.all(Array.from({ length: 20 }, work));
  });

  await check("gets a body with its length and one in chunks", async () => {
    for (const headers of [{}, { "Transfer-Encoding": "chunked" }]) {
      const echo = await ask(byHost, name, "/echo", { body: BODY, headers });
      deepEqual([echo.status, echo.body.equals(BODY)], [200, true]);
    }
  });

  await check("streams an answer of unknown length, also to a caller of HTTP/1.0", async () => {
    equal((await ask(byHost, name, "/chunks")).text, LINES);
    const old = await sendRaw(byHost, `GET /chunks HTTP/1.0\r\nHost: ${name}\r\n\r\n`);
    match(old, /^HTTP\/1\.[01] 200 /);
    equal(/transfer-encoding/i.test(old), false);
    equal(old.slice(old.indexOf("\r\n\r\n") + 4), LINES);
  });

  await check("passes the context of a request on, so that an override holds two hops away", async () => {
    const override = { "l5d-dtab": "/svc/users => /svc/users-v2" };
    equal((await ask(byHost, name, "/call")).text, `${name} > users hello\n`);
    equal((await ask(byHost, name, "/call", { headers: override })).text, `${name} > users-v2 hello\n`);
  });
}
