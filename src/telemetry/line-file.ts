// The file under a `LineWriter`: opened for appending, watched for being moved away, and given another name when it is rolled.
import fs from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** An open file. */
export interface LineFile {
  /** Appends some of the bytes; resolves to how many. */
  write(buffer: Buffer, start: number, length: number): Promise<number>;
  /** Is it still what its path leads to? */
  isStillThere(): Promise<boolean>;
  /** What is in it; null where nothing stays: pipes, terminals, devices. */
  content(): Promise<FileContent | null>;
  close(): Promise<void>;
}

/** What an open file contains. */
export interface FileContent {
  readonly bytes: number;
  /** When it was last written to, as wall clock. */
  readonly writtenMs: number;
}

/** Where files come from; tests hand in their own. */
export interface LineFiles {
  /** @param empty whether what is in it is thrown away */
  open(empty: boolean): Promise<LineFile>;
  /** Names in the folder of the file. */
  names(): Promise<readonly string[]>;
  /** Gives the file another name in its folder. */
  rename(to: string): Promise<void>;
  /** Removes a file from the folder. */
  remove(name: string): Promise<void>;
  /** A full pipe, not a failure. */
  isBusy(error: unknown): boolean;
}

const STANDARD: Readonly<Record<string, number>> = { "/dev/stdout": 1, "/dev/stderr": 2 };
const { O_APPEND, O_CREAT, O_NONBLOCK, O_TRUNC, O_WRONLY } = fs.constants;

const open = promisify(fs.open);
const write = promisify(fs.write);
const close = promisify(fs.close);
const stat = promisify(fs.stat);
const fstat = promisify(fs.fstat);
const readdir = promisify(fs.readdir);
const rename = promisify(fs.rename);
const unlink = promisify(fs.unlink);

/** Files on disk, pipes, and this process's own output as `/dev/stdout` and `/dev/stderr` (which may be sockets that no path opens). */
export function nodeFiles(path: string): LineFiles {
  const standard = STANDARD[path];
  const folder = dirname(path);
  return {
    open: (empty) => (standard === undefined ? openAt(path, empty) : Promise.resolve(standardFile(standard))),
    names: () => readdir(folder),
    rename: (to) => rename(path, join(folder, to)),
    remove: (name) => unlink(join(folder, name)),
    isBusy: (error) => error instanceof Error && "code" in error && error.code === "EAGAIN",
  };
}

// Not blocking, so that a named pipe without a reader is an error to try again rather than a thread that never returns.
async function openAt(path: string, empty: boolean): Promise<LineFile> {
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | (empty ? O_TRUNC : 0);
  const fd = await open(path, flags, 0o640);
  return {
    write: (buffer, start, length) => append(fd, buffer, start, length),
    isStillThere: () => leadsTo(path, fd),
    content: () => contentOf(fd),
    close: () => close(fd),
  };
}

function standardFile(fd: number): LineFile {
  return {
    write: (buffer, start, length) => append(fd, buffer, start, length),
    isStillThere: () => Promise.resolve(true),
    content: () => Promise.resolve(null), // perhaps a file, but one that somebody else opened
    close: () => Promise.resolve(),
  };
}

async function append(fd: number, buffer: Buffer, start: number, length: number): Promise<number> {
  const { bytesWritten } = await write(fd, buffer, start, length, null);
  return bytesWritten;
}

async function contentOf(fd: number): Promise<FileContent | null> {
  const found = await fstat(fd);
  return found.isFile() ? { bytes: found.size, writtenMs: found.mtimeMs } : null;
}

async function leadsTo(path: string, fd: number): Promise<boolean> {
  try {
    const [there, here] = await Promise.all([stat(path), fstat(fd)]);
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    return false; // moved away, and nothing in its place yet
  }
}
