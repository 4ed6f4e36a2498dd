// A caller that takes what it is sent a little at a time.
import type { HttpClient } from "./http-client.ts";
import type { MemoryWorld } from "./world.ts";

/** Reads a few turns of the network long, then not for `pauseMs`, until an answer is whole or `times` are over. */
export async function readSlowly(
  world: MemoryWorld,
  client: HttpClient,
  pauseMs: number,
  times: number,
): Promise<void> {
  const { stream } = client.peer;
  stream.pause();
  for (let i = 0; i < times && client.answers.length === 0; i++) {
    await world.pass(pauseMs);
    stream.resume();
    for (let turns = 0; turns < 4; turns++) world.network.turn();
    stream.pause();
  }
}
