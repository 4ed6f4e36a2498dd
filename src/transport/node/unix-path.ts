// The file of a unix socket that we listen on: taken over from a process that is dead, never from one that lives; given its mode before
// anybody can find it; removed by us, and only while it is still ours.
//
// The socket is bound under a name beside its own and then renamed. So there is no moment without a file when an old one is replaced,
// none in which its permissions are wrong, and libuv, which removes the name that it has bound when a listener closes, removes nothing:
// after a handover (`handover`) the path belongs to another process that still serves on it.
import { chmodSync, existsSync, lstatSync, renameSync, type Stats, unlinkSync } from "node:fs";
import net from "node:net";
import { dirname } from "node:path";
import { unixSocketOwner } from "./unix-owner.ts";

/** The name that a socket is bound by at first; it is what the kernel shows for it ever after. As long as the path, which may have the most there is. */
export function boundName(path: string): string {
  return path.slice(0, -1) + (path.endsWith("~") ? "-" : "~");
}

/** Makes way for a socket at `path`. Rejects when a process listens there, and when it is no socket that is there. */
export async function makeWay(path: string): Promise<void> {
  const found = statOf(path);
  if (found !== null) {
    if (!found.isSocket())
      throw notPossible(path, "EEXIST", "there is a file by that name that is no socket; remove it");
    const problem = await asked(path);
    if (problem !== null) throw problem;
  }
  remove(boundName(path)); // of a process that died between the two steps of `publish`
}

/** Whether anybody answers: an error if so, null if the file was left behind. A file that went meanwhile is left behind, too. */
function asked(path: string): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(inUse(path));
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(null);
      else if (error.code === "EACCES")
        resolve(notPossible(path, "EACCES", "there is a socket by that name that this user may not even connect to"));
      else resolve(inUse(path)); // EAGAIN: its queue is full; EPROTOTYPE: it takes datagrams
    });
  });
}

function inUse(path: string): Error {
  return notPossible(
    path,
    "EADDRINUSE",
    `${unixSocketOwner(boundName(path), path) ?? "another process"} listens there; stop it`,
  );
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: "this user may not make files in that directory",
  ENOENT: "there is no such directory; make it first (systemd: RuntimeDirectory=)",
  ENOTDIR: "a part of the path is no directory",
  EROFS: "the file system is read-only",
};

/** The error of a `listen` or of what follows it, with the path as it is configured and the reason in words. */
export function listenProblem(path: string, error: unknown): Error {
  if (error instanceof Error && "reason" in error) return error;
  const told = error instanceof Error && "code" in error ? String(error.code) : "";
  const code = told === "EACCES" && !existsSync(dirname(path)) ? "ENOENT" : told; // libuv says what Windows would
  return notPossible(path, code, REASONS[code] ?? String(error));
}

/** As the errors of `listen` are, with the reason in words. */
function notPossible(path: string, code: string, reason: string): Error {
  return Object.assign(new Error(`listen ${code}: ${path}: ${reason}`), { code, syscall: "listen", path, reason });
}

/** A socket's file, from its first connection to the end. */
export class PublishedPath {
  readonly #path: string;
  /** Which file it is: another process may have put its own in the place. */
  readonly #identity: string;

  /** @param path where the file is now. */
  constructor(path: string) {
    this.#path = path;
    this.#identity = identityOf(path) ?? "";
  }

  /** Gives the socket that was just bound its mode and its name. @throws Error when the file system refuses, and then nothing is left. */
  static publish(path: string, mode: number | undefined): PublishedPath {
    const bound = boundName(path);
    try {
      if (mode !== undefined) chmodSync(bound, mode);
      renameSync(bound, path);
    } catch (error) {
      remove(bound);
      throw error;
    }
    return new PublishedPath(path);
  }

  /** Removes the file, if it is still the same. */
  remove(): void {
    if (identityOf(this.#path) === this.#identity) remove(this.#path);
  }
}

function identityOf(path: string): string | null {
  const found = statOf(path);
  return found === null ? null : `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, or may not be removed: there is nobody to tell, and whoever listens there next finds it stale.
  }
}
