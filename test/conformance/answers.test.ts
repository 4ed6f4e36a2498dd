// What a service answers, and what the caller then gets: every golden answer through a whole proxy.
import { expect, test } from "vitest";
import type { BackendConnection, Behaviour } from "../support/backend.ts";
import { type AnswerVector, answerVectors } from "../support/golden.ts";
import { causeOf } from "../support/http-client.ts";
import { everySplit } from "../support/http1-reader.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { memoryScene, type Scene, sceneIn, tcpScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const vectors = answerVectors();

/** Sends these parts for every request of `/vector`, a plain answer for any other. */
class Script implements Behaviour {
  parts: readonly string[] = [];
  close = false;
  settle = (): void => undefined;

  request(request: { target: string; method: string }, connection: BackendConnection): void {
    if (request.target !== "/vector") return connection.reply(200, "after");
    for (const part of this.parts) {
      if (!connection.closed) connection.send(part);
    }
    if (this.close) connection.peer.end();
    return undefined;
  }
}

interface Outcome {
  readonly answers: unknown[];
  /** The answer broke off behind its head, and the caller can tell. */
  readonly broken: boolean;
  readonly record: string;
}

function request(vector: AnswerVector): string {
  return compose(`${vector.method ?? "GET"} /vector HTTP/1.1`, { Host: "web" });
}

async function run(scene: Scene, vector: AnswerVector, script: Script, parts: readonly string[]): Promise<Outcome> {
  script.parts = parts;
  script.close = vector.close ?? false;
  const records = scene.proxy.records.length;
  const client = scene.connect();
  client.send(request(vector));
  await scene.proxy.recorded(records + 1);
  await scene.world.until("the answer", () => client.answers.length > 0 || client.over);
  if (client.problem !== null) throw new Error(client.problem);
  const broken = client.answers.length === 0 && client.heads.length > 0;
  const result = {
    answers: client.answers.map((a) => [a.status, a.interim, a.body, a.trailers, causeOf(a)]),
    broken,
    record: scene.proxy.lastRecord.cause,
  };
  client.close();
  return result;
}

function expected(vector: AnswerVector): Outcome {
  const { body, broken = false, interim = [], refusal, status = 502, trailers = [] } = vector;
  if (refusal === undefined) return { answers: [[status, interim, body ?? "", trailers, ""]], broken, record: "" };
  if (broken) return { answers: [], broken, record: refusal };
  return { answers: [[502, interim, expect.any(String), [], refusal]], broken, record: refusal };
}

test.each(vectors)("$name ($why)", async (vector) => {
  const script = new Script();
  await using scene = await memoryScene({ client: { failureAccrual: { kind: "none" } } }, script);
  expect(await run(scene, vector, script, [vector.input.join("")])).toEqual(expected(vector));
  const client = scene.connect();
  script.parts = [vector.input.join("")];
  client.send(request(vector));
  scene.world.settle();
  for (const [name, value] of Object.entries(vector.fields ?? {})) {
    expect(valueOf(client.heads.at(-1) ?? { fields: [] }, name), name).toBe(value);
  }
  const after = scene.connect();
  expect((await after.ask(compose("GET /after HTTP/1.1", { Host: "web" }))).body).toBe("after");
  expect(scene.backend.connections.length).toBe(vector.reused === true ? 1 : 3);
  expect(scene.backend.problems).toEqual([]);
});

test("every vector comes to the same, byte by byte and cut at every place", async () => {
  const script = new Script();
  await using scene = await memoryScene({ reuse: true, client: { failureAccrual: { kind: "none" } } }, script);
  const different: string[] = [];
  for (const vector of vectors) {
    const whole = JSON.stringify(await runNow(scene, vector, script, [vector.input.join("")]));
    for (const parts of everySplit(vector.input.join(""))) {
      const result = JSON.stringify(await runNow(scene, vector, script, parts));
      if (result !== whole) different.push(`${vector.name}, cut behind ${parts[0]?.length}: ${result}`);
    }
  }
  expect(different).toEqual([]);
});

/** In memory the service's parts arrive one by one: it hands over the next when everything before has been read. */
async function runNow(
  scene: Scene<MemoryWorld>,
  vector: AnswerVector,
  script: Script,
  parts: readonly string[],
): Promise<Outcome> {
  const { backend, world } = scene;
  script.parts = [];
  script.close = false;
  const client = scene.connect();
  const records = scene.proxy.records.length;
  client.send(request(vector));
  world.settle();
  const { connection: number } = backend.last;
  const connection = backend.connections[number] as BackendConnection; // it has just received a request
  for (const part of parts) {
    if (connection.closed) break;
    connection.send(part);
    world.settle();
  }
  if (vector.close === true && !connection.closed) connection.peer.end();
  world.settle();
  if (client.problem !== null) throw new Error(client.problem);
  expect(scene.proxy.records.length).toBe(records + 1);
  const answers = client.answers.map((a) => [a.status, a.interim, a.body, a.trailers, causeOf(a)]);
  const broken = client.answers.length === 0 && client.heads.some((h) => !h.line.startsWith("HTTP/1.1 1"));
  client.close();
  world.settle();
  return { answers, broken, record: scene.proxy.lastRecord.cause };
}

test("a network that delivers byte by byte, both ways, changes nothing", async () => {
  const script = new Script();
  await using scene = await sceneIn(
    memoryWorld({ readBytes: () => 1 }),
    { client: { failureAccrual: { kind: "none" } } },
    script,
  );
  for (const vector of vectors) {
    expect(await run(scene, vector, script, [vector.input.join("")]), vector.name).toEqual(expected(vector));
  }
});

test("real sockets change nothing", async () => {
  const script = new Script();
  await using scene = await tcpScene({ client: { failureAccrual: { kind: "none" } } }, script);
  for (const vector of vectors) {
    expect(await run(scene, vector, script, [vector.input.join("")]), vector.name).toEqual(expected(vector));
  }
});
