// Callers that ask once and then keep their connections, as a process of its own: `node idle-callers.ts '{"port":…,"count":…}'`. It says "there"
// when all have been answered, and goes when its standard input ends. Whoever measures how others fare beside them does not hold them itself.
import { inTurns, used } from "./kept-caller.ts";

/** What it is told. */
export interface IdleOrder {
  readonly port: number;
  readonly count: number;
}

const { count, port } = JSON.parse(process.argv[2] ?? "{}") as IdleOrder;
await inTurns(count, () => used(port));
process.stdout.write("there\n");
process.stdin.on("end", () => process.exit(0)).resume();
