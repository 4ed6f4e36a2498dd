// Where a socket listens, as two plain values everywhere: an address of the network and its port, or a path of the file system and 0.
//
// One convention instead of a union: whoever only passes addresses on (border, balancers, pools) needs to know nothing of it.

/** A host name or IP address with its port; or the absolute path of a unix socket, whose port is 0. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** What the text of a unix socket's address begins with, here as in nginx, Envoy and gRPC. */
export const UNIX = "unix:";

/** No host name begins with a slash, and every absolute path does. */
export function isUnixPath(host: string): boolean {
  return host.startsWith("/");
}

/** `10.0.0.1:8080`, `[::1]:8080`, `unix:/run/users.sock`. */
export function addressText({ host, port }: SocketAddress): string {
  if (isUnixPath(host)) return UNIX + host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The same with the host as it is, for what takes the text apart again at its last colon: `::1:8080`. */
export function plainAddressText({ host, port }: SocketAddress): string {
  return isUnixPath(host) ? UNIX + host : `${host}:${port}`;
}

/** The longest path that fits `sockaddr_un.sun_path` with the zero after it, in bytes: it has 108 on Linux and 104 elsewhere. */
export function maxUnixPathBytes(platform: string = process.platform): number {
  return platform === "linux" ? 107 : 103;
}

/** What is wrong with the path of a unix socket, if anything. */
export function unixPathProblem(path: string): string | null {
  if (path.startsWith("@")) return "abstract sockets, which have no file and no permissions, are not used here";
  if (path.includes("\0")) return "a path cannot contain NUL";
  if (!isUnixPath(path)) return "the path must be absolute";
  if (path.endsWith("/")) return "this is the path of a directory";
  const bytes = Buffer.byteLength(path);
  const most = maxUnixPathBytes();
  return bytes > most ? `the path has ${bytes} bytes, and the system takes at most ${most}` : null;
}
