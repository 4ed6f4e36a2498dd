// Node's clients through fairlead: http with an agent, and fetch. Prints "ok NAME" or "not ok NAME: why" for each check, and
// at the end how many there were.
import { deepEqual, equal } from "node:assert/strict";
import http from "node:http";

const proxy = process.env.FAIRLEAD;
const byPath = process.env.FAIRLEAD_BY_PATH;
const large = Buffer.alloc(2_000_000, "0123456789");

const checks = {
  async "asks 1000 times from 20 workers with kept connections"() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
    const before = sockets(agent);
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let i = 0; i < 50; i++) equal((await ask("/hello", { agent })).text, "users hello\n");
      }),
    );
    equal(before.size <= 20, true, `${before.size} connections`);
    agent.destroy();
  },

  async "uploads a stream with fetch and reads it back"() {
    const body = new Blob([large]).stream();
    const answer = await fetch(`http://${byPath}/users/echo`, { method: "POST", body, duplex: "half" });
    equal(Buffer.compare(Buffer.from(await answer.arrayBuffer()), large), 0);
  },

  async "sees the first part of an answer while the service holds back the rest"() {
    const answer = await fetch(`http://${byPath}/users/hold`);
    const reader = answer.body.getReader();
    equal(Buffer.from((await reader.read()).value).toString(), "first\n");
    equal((await ask("/release")).text, "released\n");
    equal(Buffer.from((await reader.read()).value).toString(), "last\n");
    equal((await reader.read()).done, true);
  },

  async "exchanges trailers both ways"() {
    const { trailers } = await ask("/trailers", { method: "POST", trailers: { "x-sent": "a trailer" }, body: "body" });
    deepEqual({ ...trailers }, { "x-sum": "5", "x-got": "a trailer" });
  },

  async "asks with a deadline of its own, gives up, and the service sees it"() {
    const before = await counts();
    const fails = fetch(`http://${byPath}/users/wait?ms=10000`, { signal: AbortSignal.timeout(200) });
    equal(
      await fails.then(
        () => "answered",
        (error) => error.name,
      ),
      "TimeoutError",
    );
    while ((await counts()).cancelled === before.cancelled);
  },

  async "downloads 50 MB slowly without losing a byte"() {
    const answer = await fetch(`http://${byPath}/users/big?bytes=50000000`);
    let bytes = 0;
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes % 7 === 0) await new Promise(setImmediate);
    }
    equal(bytes, 50_000_000);
  },
};

function sockets(agent) {
  const seen = new Set();
  agent.on("free", (socket) => seen.add(socket));
  return seen;
}

async function counts() {
  return JSON.parse((await ask("/counts")).text);
}

function ask(path, { agent, body, method = "GET", trailers } = {}) {
  return new Promise((resolve, reject) => {
    const headers = {
      host: "users",
      ...(trailers ? { "Transfer-Encoding": "chunked", Trailer: Object.keys(trailers) } : {}),
    };
    const request = http.request(`http://${proxy}${path}`, { agent, method, headers }, async (answer) => {
      const text = Buffer.concat(await answer.toArray()).toString();
      resolve({ text, status: answer.statusCode, trailers: answer.trailers });
    });
    request.on("error", reject);
    if (body) request.write(body);
    if (trailers) request.addTrailers(trailers);
    request.end();
  });
}

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${String(error.message).split("\n")[0]}`);
  }
}
console.log(`${Object.keys(checks).length} checks`);
