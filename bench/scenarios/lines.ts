// One JSON value per line: how the harness talks with the services it starts, over their standard input and output.
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** Hands over what comes, value by value; `ended` hears of the end. */
export function onValues(from: Readable, take: (value: unknown) => void, ended?: () => void): void {
  const lines = createInterface({ input: from });
  lines.on("line", (line) => take(JSON.parse(line)));
  if (ended !== undefined) lines.on("close", ended);
}

export function sendValue(to: Writable, value: unknown): void {
  to.write(`${JSON.stringify(value)}\n`);
}
