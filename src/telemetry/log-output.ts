// Where lines of the process log go: out, or nowhere while whoever reads them does not keep up. Node would keep them all, and a log that nobody
// reads (a terminal that is stopped, a collector that hangs) must not fill the memory of a proxy.
import type { Clock } from "../base/clock.ts";

/** What is needed of a stream of Node's. */
export interface LogStream {
  /** Bytes it was given and has not got rid of. */
  readonly writableLength: number;
  write(text: string): unknown;
}

const MAX_WAITING_BYTES = 1024 * 1024;

/** Writes lines to a stream; says how many are missing when it takes some again. */
export function logOutput(stream: LogStream, clock: Clock): (line: string) => void {
  let dropped = 0;
  return (line) => {
    if (stream.writableLength > MAX_WAITING_BYTES) {
      dropped++;
      return;
    }
    if (dropped > 0) {
      const time = new Date(clock.epochMs()).toISOString();
      stream.write(`${time} WARN  log: ${dropped} lines are missing here: nobody read them\n`);
      dropped = 0;
    }
    stream.write(line);
  };
}
