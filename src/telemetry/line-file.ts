// The file under a `LineWriter`: opened for appending, watched for being moved away.
import fs from "node:fs";
import { promisify } from "node:util";

/** An open file. */
export interface LineFile {
  /** Appends some of the bytes; resolves to how many. */
  write(buffer: Buffer, start: number, length: number): Promise<number>;
  /** Is it still what its path leads to? */
  isStillThere(): Promise<boolean>;
  close(): Promise<void>;
}

/** Where files come from; tests hand in their own. */
export interface LineFiles {
  open(): Promise<LineFile>;
  /** A full pipe, not a failure. */
  isBusy(error: unknown): boolean;
}

const STANDARD: Readonly<Record<string, number>> = { "/dev/stdout": 1, "/dev/stderr": 2 };
const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = fs.constants;

const open = promisify(fs.open);
const write = promisify(fs.write);
const close = promisify(fs.close);
const stat = promisify(fs.stat);
const fstat = promisify(fs.fstat);

/** Files on disk, pipes, and this process's own output as `/dev/stdout` and `/dev/stderr` (which may be sockets that no path opens). */
export function nodeFiles(path: string): LineFiles {
  const standard = STANDARD[path];
  return {
    open: () => (standard === undefined ? openAt(path) : Promise.resolve(standardFile(standard))),
    isBusy: (error) => error instanceof Error && "code" in error && error.code === "EAGAIN",
  };
}

// Not blocking, so that a named pipe without a reader is an error to try again rather than a thread that never returns.
async function openAt(path: string): Promise<LineFile> {
  const fd = await open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
  return {
    write: (buffer, start, length) => append(fd, buffer, start, length),
    isStillThere: () => leadsTo(path, fd),
    close: () => close(fd),
  };
}

function standardFile(fd: number): LineFile {
  return {
    write: (buffer, start, length) => append(fd, buffer, start, length),
    isStillThere: () => Promise.resolve(true),
    close: () => Promise.resolve(),
  };
}

async function append(fd: number, buffer: Buffer, start: number, length: number): Promise<number> {
  const { bytesWritten } = await write(fd, buffer, start, length, null);
  return bytesWritten;
}

async function leadsTo(path: string, fd: number): Promise<boolean> {
  try {
    const [there, here] = await Promise.all([stat(path), fstat(fd)]);
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    return false; // moved away, and nothing in its place yet
  }
}
