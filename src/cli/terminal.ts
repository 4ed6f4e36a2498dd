// The world of a command: where it prints, what it reads. Tests hand in their own.
import { styleText } from "node:util";
import { systemClock } from "../base/clock.ts";
import type { Environment } from "../config/expand.ts";
import { logOutput } from "../telemetry/log-output.ts";

/** Colours that help uses. */
export type Colour = "bold" | "green" | "red" | "yellow" | "dim";

/** Standard output, error and input of a process. */
export interface Terminal {
  readonly environment: Environment;
  out(text: string): void;
  err(text: string): void;
  /** All of standard input. */
  read(): Promise<string>;
  /** Text for standard output in a colour, or as it is where nobody would see one. */
  paint(colour: Colour, text: string): string;
}

/** This process's own. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const colours = stdout.isTTY && (env["NO_COLOR"] ?? "") === "";
  // Whoever reads us may leave (`fairlead explain --all | head`): that ends what is printed, not the process with a stack trace.
  for (const stream of [stdout, stderr]) stream.on("error", () => undefined);
  return {
    environment: env,
    out: (text) => void stdout.write(text),
    err: logOutput(stderr, systemClock),
    read: readInput,
    paint: (colour, text) => (colours ? styleText(colour, text, { validateStream: false }) : text),
  };
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer); // no encoding was asked for
  return Buffer.concat(chunks).toString("utf8");
}
