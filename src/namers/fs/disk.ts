// The file system as the fs namer needs it: an interface, so that tests own events and time, and Node's implementation.
import { type BigIntStats, createReadStream, watch } from "node:fs";
import { readdir, stat } from "node:fs/promises";

export interface FileFacts {
  readonly kind: "file" | "directory" | "socket" | "other";
  /** Equal as long as it is the same file or directory, whatever it contains; links are followed. */
  readonly identity: string;
  /** Differs when the contents do, except for two changes within the clock tick of the file system that keep the size. */
  readonly signature: string;
}

export interface Disk {
  /** Undefined if nothing is there. Rejects if that cannot be found out. */
  stat(path: string): Promise<FileFacts | undefined>;
  /** Rejects if the file is longer than `maxBytes`, or is gone. */
  read(path: string, maxBytes: number): Promise<string>;
  /** The names in a directory, in order. */
  list(path: string): Promise<readonly string[]>;
  /** Calls `changed` with the name of an entry that may have changed, or undefined if any may have. @throws Error if it cannot be watched. */
  watch(path: string, changed: (name: string | undefined) => void): Disposable;
}

/** What stat(2) answers when there is nothing by that name. */
const NOTHING_THERE = new Set(["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"]);

export const nodeDisk: Disk = {
  stat: factsOf,
  read: readText,
  list: async (path) => (await readdir(path)).sort(),
  watch: watchEntries,
};

async function factsOf(path: string): Promise<FileFacts | undefined> {
  try {
    const s = await stat(path, { bigint: true });
    const identity = `${s.dev}:${s.ino}:${s.birthtimeNs}`; // a number is soon used again for another file
    return { kind: kindOf(s), identity, signature: `${identity}:${s.size}:${s.mtimeNs}:${s.ctimeNs}` };
  } catch (error) {
    if (NOTHING_THERE.has((error as NodeJS.ErrnoException).code ?? "")) return undefined; // node:fs rejects with nothing else
    throw error;
  }
}

function kindOf(s: BigIntStats): FileFacts["kind"] {
  if (s.isFile()) return "file";
  if (s.isDirectory()) return "directory";
  return s.isSocket() ? "socket" : "other";
}

async function readText(path: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  // `end` is inclusive: one byte more than allowed shows that there are more.
  for await (const chunk of createReadStream(path, { end: maxBytes })) chunks.push(chunk as Buffer); // no encoding was asked for
  const bytes = Buffer.concat(chunks);
  if (bytes.length > maxBytes) throw new Error(`${path} has more than ${maxBytes} bytes`);
  return bytes.toString("utf8");
}

function watchEntries(path: string, changed: (name: string | undefined) => void): Disposable {
  const watcher = watch(path, { persistent: false }, (_, name) => changed(name ?? undefined));
  watcher.on("error", () => changed(undefined)); // the directory went away; whoever looks at it finds out
  return { [Symbol.dispose]: () => watcher.close() };
}
