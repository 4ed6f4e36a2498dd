// Runs one command line in this process and keeps what it said.
import { main } from "../../src/cli/main.ts";

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a command line comes to; `input` is its standard input. */
export async function said(
  argv: readonly string[],
  input = "",
  environment: Record<string, string> = {},
): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    environment,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    read: async () => input,
    paint: (_, text) => text,
  });
  return { code, out: out.join(""), err: err.join("") };
}
