// The house as data: docs/ARCHITECTURE.md draws it, tools/check-layers.ts holds every import to it.

/** The rows from top to bottom; a folder imports only from rows below its own. `x/*` makes every folder inside x a neighbour of the others. Rows may hold places for folders to come. */
export const rows: readonly (readonly string[])[] = [
  ["cli"],
  ["app"],
  ["plugin"],
  ["demo"],
  ["admin"],
  ["namers/*", "control", "exporters/*"],
  ["bridges/*"],
  ["router", "protocols/*"],
  ["naming", "balance", "resilience", "sessions", "transport"],
  ["telemetry", "config"],
  ["core"],
  ["base"],
];

/** The few neighbours of which one stands on another after all. */
export const subRows: Readonly<Record<string, readonly string[]>> = {
  "protocols/http1": ["protocols/http"],
  "protocols/http2": ["protocols/http", "protocols/grpc"],
  "protocols/grpc": ["protocols/http"],
  "protocols/thriftmux": ["protocols/mux", "protocols/thrift"],
};

/**
 * Node modules that open sockets, and the folders that may name them: everything else gets its bytes from core's transport interface.
 * The demo's services are applications, which stand outside of the proxy.
 */
export const restrictedModules: Readonly<Record<string, readonly string[]>> = {
  "node:net": ["transport/node", "demo"],
  "node:tls": ["transport/node"],
  "node:dgram": ["transport/node"],
  "node:http": ["transport/node", "demo"],
  "node:https": ["transport/node"],
  "node:http2": ["transport/node"],
};

/** What those modules also hold and anybody may use: questions about the text of an address. */
export const harmlessNames: readonly string[] = ["isIP", "isIPv4", "isIPv6"];

/** Where a file of src/ lives: its folder as the picture names it, and its row counted from the top. */
export interface Place {
  readonly folder: string;
  readonly row: number;
}

/**
 * Finds a file's place.
 * @param path relative to src/, with forward slashes.
 * @returns undefined for a folder that is in no row, or a file outside of all folders.
 */
export function placeOf(path: string): Place | undefined {
  const [top, inner, ...rest] = path.split("/");
  if (top === undefined || inner === undefined) return undefined;
  const whole = rows.findIndex((row) => row.includes(top));
  if (whole >= 0) return { folder: top, row: whole };
  const split = rows.findIndex((row) => row.includes(`${top}/*`));
  if (split < 0) return undefined;
  return { folder: rest.length === 0 ? top : `${top}/${inner}`, row: split };
}

/** The one rule. A file that lies directly in a folder of neighbours serves them all. */
export function mayImport(from: Place, to: Place): boolean {
  if (from.folder === to.folder || to.row > from.row) return true;
  return from.folder.startsWith(`${to.folder}/`) || (subRows[from.folder]?.includes(to.folder) ?? false);
}
