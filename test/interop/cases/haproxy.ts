// HAProxy on both sides: caller → HAProxy → fairlead → HAProxy → service.
import { equal } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Agent } from "node:http";
import { ask } from "../ask.ts";
import { freePort, listening } from "../processes.ts";
import type { Peer, Stage } from "../stage.ts";

export const haproxy: Peer = {
  name: "HAProxy",
  named: true,
  needs: [{ probes: [["haproxy", "-v"]], packages: ["haproxy"] }],
  async run(stage, command) {
    const [front, back] = [await freePort(), await freePort()];
    const service = await stage.serveNode("behind-haproxy", false);
    const file = join(stage.directory("haproxy"), "haproxy.cfg");
    writeFileSync(file, configuration(stage, front, back, service.port));
    stage.fairlead.disco.put("haproxy", [back]);
    await listening(stage.processes.start("haproxy", command, ["-db", "-f", file]), front);
    await chain(stage, `127.0.0.1:${front}`);
  },
};

function configuration({ fairlead }: Stage, front: number, back: number, service: number): string {
  return `
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
  http-reuse always

listen front
  bind 127.0.0.1:${front}
  http-request set-header Host haproxy
  option httpchk
  http-check send meth GET uri /hello hdr Host haproxy
  server fairlead ${fairlead.byHost} check inter 200ms

listen back
  bind 127.0.0.1:${back}
  server service 127.0.0.1:${service}
`;
}

async function chain({ report }: Stage, front: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const body = Buffer.alloc(3_000_000, "0123456789");

  await report.case("stands before and behind fairlead in one chain, and finds it healthy", async () => {
    const all = Array.from({ length: 400 }, () => ask(front, "any", "/hello", { agent }));
    for (const { text } of await Promise.all(all)) equal(text, "behind-haproxy hello\n");
  });

  await report.case("passes large bodies both ways, with a length and in chunks", async () => {
    for (const headers of [{}, { "Transfer-Encoding": "chunked" }]) {
      equal((await ask(front, "any", "/echo", { agent, body, headers })).body.equals(body), true);
    }
    equal((await ask(front, "any", "/chunks", { agent })).text.split("\n").length, 11);
  });

  agent.destroy();
}
