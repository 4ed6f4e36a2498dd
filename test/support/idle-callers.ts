// Callers that ask once and then keep their connections, as a process of its own: `node idle-callers.ts '{"port":…,"count":…}'`. It says "there"
// when all have been answered, and goes when its standard input ends. Whoever measures how others fare beside them does not hold them itself.
import { KeptCaller } from "./kept-caller.ts";

/** What it is told. */
export interface IdleOrder {
  readonly port: number;
  readonly count: number;
}

const AT_ONCE = 50;

const { count, port } = JSON.parse(process.argv[2] ?? "{}") as IdleOrder;
for (let left = count; left > 0; left -= AT_ONCE) {
  const some = Array.from({ length: Math.min(left, AT_ONCE) }, () => new KeptCaller(port));
  const answers = await Promise.all(some.map((caller) => caller.ask()));
  if (answers.some((status) => status !== "200")) throw new Error(`answered ${answers.join(" ")}`);
}
process.stdout.write("there\n");
process.stdin.on("end", () => process.exit(0)).resume();
