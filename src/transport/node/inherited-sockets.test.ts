import { expect, test } from "vitest";
import { InheritedSockets, type InheritedSocket } from "./inherited-sockets.ts";
import { boundName } from "./unix-path.ts";

function socket(descriptor: number, name: string, host: string | null, port = 0): InheritedSocket {
  const address = host === null ? null : { host, port };
  return { descriptor, name, managed: true, address, listenable: { fd: descriptor } };
}

function taken(sockets: InheritedSockets, host: string, port: number, ...names: string[]): number | undefined {
  return sockets.take({ host, port, names })?.descriptor;
}

test("A server's socket is the one with its address, else the one with its label, else the one with its router's; each is taken once", () => {
  const sockets = new InheritedSockets([
    socket(3, "edge", "127.0.0.1", 80),
    socket(4, "inner", "127.0.0.1", 81),
    socket(5, "edge", "127.0.0.1", 82),
  ]);
  expect(taken(sockets, "127.0.0.1", 82, "inner", "edge")).toBe(5);
  expect(taken(sockets, "127.0.0.1", 99, "inner", "edge")).toBe(4);
  expect(taken(sockets, "127.0.0.1", 99, "inner", "edge")).toBe(3);
  expect(taken(sockets, "127.0.0.1", 82, "inner", "edge")).toBeUndefined();
  expect(sockets.leftovers()).toEqual([]);
});

test("A server on 0.0.0.0 takes a socket for IPv6 and IPv4; one on a single address does not", () => {
  const sockets = new InheritedSockets([socket(3, "", "::", 80)]);
  expect(taken(sockets, "127.0.0.1", 80, "")).toBeUndefined();
  expect(taken(sockets, "0.0.0.0", 81)).toBeUndefined();
  expect(sockets.leftovers().length).toBe(1);
  expect(taken(sockets, "0.0.0.0", 80)).toBe(3);
});

test("Port 0 is no address, and a unix socket is found by its path and by the name that it was bound by", () => {
  const path = "/run/a.sock";
  const sockets = new InheritedSockets([
    socket(3, "x", "127.0.0.1", 0),
    socket(4, "y", path),
    socket(5, "z", boundName(path)),
  ]);
  expect(taken(sockets, "127.0.0.1", 0)).toBeUndefined();
  expect(taken(sockets, path, 0)).toBe(4);
  expect(taken(sockets, path, 0)).toBe(5);
  expect(taken(sockets, path, 0)).toBeUndefined();
});

test("The variables are for the process they name, or for the child of the process that hands over, and are removed in any case", () => {
  const given = { LISTEN_FDS: "x", LISTEN_PID: "7", LISTEN_FDNAMES: "a", OTHER: "stays" };
  const environment: Record<string, string | undefined> = { ...given };
  expect(InheritedSockets.from(environment, 8, 9).problems).toEqual([]); // not ours: not even looked at
  expect(environment).toEqual({ OTHER: "stays" });
  expect(InheritedSockets.from({ ...given }, 7, 9).problems).toEqual([
    'LISTEN_FDS is "x", which is no number of descriptors',
  ]);
  expect(InheritedSockets.from({ ...given, FAIRLEAD_HANDOVER: "7" }, 8, 7).problems.length).toBe(1);
  expect(InheritedSockets.from({ ...given, FAIRLEAD_HANDOVER: "7" }, 8, 9, () => true).problems).toEqual([]);
  expect(InheritedSockets.from({ ...given, FAIRLEAD_HANDOVER: "7" }, 8, 1, () => false).problems.length).toBe(1);
  expect(InheritedSockets.from({}, 7, 9).leftovers()).toEqual([]);
});

test.each(["-1", "1e3", "", "99999"])("LISTEN_FDS=%j is a problem, and nothing worse", (count) => {
  const { problems } = InheritedSockets.from({ LISTEN_FDS: count, LISTEN_PID: "7" }, 7, 1);
  expect(problems).toEqual([`LISTEN_FDS is "${count}", which is no number of descriptors`]);
});
