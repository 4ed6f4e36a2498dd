// Names and files: what a path segment is called on disk, and all names there are.
import { join } from "node:path";
import { Path, segmentOf } from "../../core/path.ts";
import type { Disk } from "./disk.ts";

/** The file a segment means, its bytes read as UTF-8; undefined if it can be no file of this directory. */
export function fileNameOf(segment: string | undefined): string | undefined {
  if (segment === undefined) return undefined;
  const name = Buffer.from(segment, "latin1").toString("utf8");
  return name === "." || name === ".." || /[/\0]/.test(name) ? undefined : name;
}

const MAX_DEPTH = 16;
const MAX_NAMES = 10_000;

/** The names of all files and sockets under `root`, at most 10 000 of them. Names that begin with ".." are how a ConfigMap keeps its versions: no services. */
export async function enumerate(disk: Disk, root: string, prefix: Path): Promise<readonly Path[]> {
  const found: Path[] = [];
  await enumerateInto(found, disk, root, prefix, MAX_DEPTH);
  return found;
}

async function enumerateInto(found: Path[], disk: Disk, directory: string, prefix: Path, depth: number): Promise<void> {
  for (const name of await disk.list(directory)) {
    if (name.startsWith("..") || found.length >= MAX_NAMES) continue;
    const path = join(directory, name);
    const id = prefix.concat(Path.of(segmentOf(name)));
    const facts = await disk.stat(path);
    if (facts?.kind === "file" || facts?.kind === "socket") found.push(id);
    if (facts?.kind === "directory" && depth > 0) await enumerateInto(found, disk, path, id, depth - 1);
  }
}
