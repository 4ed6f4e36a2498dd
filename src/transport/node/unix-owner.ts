// Who listens on a unix socket, for a message. As far as Linux tells: of other users' processes it does not.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** `process 4711 (nginx)` for a socket that is bound by one of these names; undefined when that cannot be found out. */
export function unixSocketOwner(...names: readonly string[]): string | undefined {
  try {
    const inodes = unixSockets().flatMap((socket) => (names.includes(socket.path) ? [socket.inode] : []));
    const pid = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && holds(entry, inodes));
    return pid === undefined ? undefined : `process ${pid} (${readFileSync(`/proc/${pid}/comm`, "utf8").trim()})`;
  } catch {
    return undefined;
  }
}

export interface UnixSocket {
  readonly inode: string;
  readonly path: string;
}

/** The unix sockets with a name in this network namespace. @throws Error where there is no /proc/net. */
export function unixSockets(): readonly UnixSocket[] {
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, inode, path] = /^\S+: \S+ \S+ \S+ \S+ \S+ +(\d+) (.+)$/.exec(line) ?? [];
      return inode === undefined || path === undefined ? [] : [{ inode, path }];
    });
}

function holds(pid: string, inodes: readonly string[]): boolean {
  try {
    const directory = `/proc/${pid}/fd`;
    return readdirSync(directory).some((fd) => {
      const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(linkOf(`${directory}/${fd}`)) ?? [];
      return inodes.includes(inode);
    });
  } catch {
    return false; // another user's, or gone
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed meanwhile
  }
}
