// Conditions over the whole file: what no single key can know.
import { resolve } from "node:path";
import { isOwnPath } from "../admin/routes.ts";
import { type KeyPath } from "../config/problems.ts";
import { type Report, type Written } from "../config/spec.ts";
import { UNIX } from "../core/socket-address.ts";

interface Listener {
  readonly ip?: string | undefined;
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
}

interface CheckedRouter extends CheckedAccessLog {
  readonly protocol?: string | undefined;
  readonly label?: string | undefined;
  readonly servers?: readonly (Listener | undefined)[] | undefined;
}

/** The keys of an access log, as http routers have them and as h2 routers have them. */
const accessLogKeys = ["AccessLog", "AccessLogRollPolicy", "AccessLogAppend", "AccessLogRotateCount"] as const;

type AccessLogKey = `${"http" | "h2"}${(typeof accessLogKeys)[number]}`;
type CheckedAccessLog = { readonly [K in AccessLogKey]?: string | number | boolean | undefined };

interface CheckedFile {
  readonly fairlead?: number | undefined;
  readonly expandEnv?: boolean | undefined;
  readonly admin?: (Listener & { readonly httpIdentifierPort?: number | undefined }) | undefined;
  readonly routers?: readonly (CheckedRouter | undefined)[] | undefined;
  readonly telemetry?:
    | readonly ({ readonly kind?: string | undefined; readonly path?: string | undefined } | undefined)[]
    | undefined;
}

/** No two listeners on one address and port, or path. 0.0.0.0 counts as an address of its own, and port 0 never collides. */
export function checkListeners({ admin, routers }: CheckedFile, report: Report, written: Written): void {
  const taken = new Map<string, string>();
  const claim = (listener: Listener | undefined, who: string, at: KeyPath): void => {
    if (listener === undefined) return;
    // The HTTP identifier listens at the admin server's ip, whatever that itself does.
    const ipToo = listener !== admin || admin?.httpIdentifierPort === undefined;
    checkOneAddress(listener, ipToo ? ["ip", "port"] : ["port"], at, report, written);
    take(listener, who, [...at, listener.socket === undefined ? "port" : "socket"]);
  };
  const take = (listener: Listener, who: string, key: KeyPath): void => {
    const address = addressOf(listener);
    if (address === null) return;
    const first = taken.get(address);
    const what = listener.socket === undefined ? "port" : "path";
    if (first === undefined) taken.set(address, who);
    else report(key, `${address} is already taken by ${first}`, `choose another ${what}`);
  };
  claim(admin, "admin", ["admin"]);
  if (admin?.httpIdentifierPort !== undefined) {
    take({ ip: admin.ip, port: admin.httpIdentifierPort }, "admin.httpIdentifierPort", ["admin", "httpIdentifierPort"]);
  }
  routers?.forEach((router, index) => {
    router?.servers?.forEach((server, number) => {
      claim(server, `routers[${index}].servers[${number}]`, ["routers", index, "servers", number]);
    });
  });
}

function addressOf({ ip, port, socket }: Listener): string | null {
  if (socket !== undefined) return UNIX + resolve(socket);
  if (ip === undefined || port === undefined || port === 0) return null;
  return ip.includes(":") ? `[${ip.toLowerCase()}]:${port}` : `${ip}:${port}`;
}

/** What would be ignored in silence is a mistake. */
function checkOneAddress(
  { socket }: Listener,
  vain: readonly string[],
  at: KeyPath,
  report: Report,
  written: Written,
): void {
  if (socket === undefined) {
    const key = [...at, "socketMode"];
    if (written(key)) report(key, "is about the file of a unix socket, and there is none here", "write socket, too");
    return;
  }
  for (const key of vain.map((name) => [...at, name]))
    if (written(key)) report(key, "has no effect beside socket", "remove one of them; a server listens in one place");
}

/** Labels tell routers apart in metrics. */
export function checkLabels({ routers }: CheckedFile, report: Report): void {
  const taken = new Map<string, number>();
  routers?.forEach((router, index) => {
    const label = router?.label ?? router?.protocol;
    if (label === undefined) return;
    const first = taken.get(label);
    if (first === undefined) taken.set(label, index);
    else
      report(
        ["routers", index, "label"],
        `routers[${first}] is labelled "${label}" too`,
        "give each router a label of its own",
      );
  });
}

/** No two things at one path of the admin port. */
export function checkAdminPaths({ telemetry }: CheckedFile, report: Report): void {
  const taken = new Map<string, string>();
  telemetry?.forEach((telemeter, index) => {
    const path = telemeter?.path;
    if (path === undefined) return;
    const first = isOwnPath(path) ? "the admin server" : taken.get(path);
    if (first === undefined) taken.set(path, `telemetry[${index}]`);
    else report(["telemetry", index, "path"], `${path} is already taken by ${first}`, "choose another path");
  });
}

/** Routers that write to one file roll it together. */
export function checkAccessLogs({ routers }: CheckedFile, report: Report): void {
  const first = new Map<unknown, { readonly index: number; readonly values: readonly unknown[] }>();
  routers?.forEach((router, index) => {
    const prefix = router?.protocol === "h2" ? "h2" : "http";
    const [path, ...values] = accessLogKeys.map((key) => router?.[`${prefix}${key}`]);
    if (path === undefined) return;
    const other = first.get(path);
    if (other === undefined) first.set(path, { index, values });
    const differing = other === undefined ? -1 : values.findIndex((value, i) => value !== other.values[i]);
    if (other === undefined || differing < 0) return;
    const key = `${prefix}${accessLogKeys[differing + 1]}`;
    report(
      ["routers", index, key],
      `routers[${other.index}] writes to ${String(path)} too, and there this is ${String(other.values[differing])}`,
      "write the same in both, or give each a file of its own",
    );
  });
}

/** A Linkerd 1.x file never expanded variables, so its dollar signs mean themselves. */
export function checkExpandEnv({ fairlead, expandEnv }: CheckedFile, report: Report): void {
  if (expandEnv !== true || fairlead !== undefined) return;
  report(
    ["expandEnv"],
    "variables are expanded only in files with fairlead: 1",
    "add fairlead: 1, or start with --expand-env instead",
  );
}
