// The proxies that are compared.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { versionOf } from "../../load/compile.ts";
import { ROOT } from "../../load/fairlead.ts";
import { start } from "../../load/processes.ts";
import { type ProxyKind, writeConfiguration } from "./proxy.ts";

export const fairlead: ProxyKind = {
  name: "fairlead",
  title: "fairlead",
  files: { http: "fairlead-http.yaml", grpc: "fairlead-grpc.yaml" },
  version: () => versionOf("git", "-C", ROOT, "describe", "--always", "--dirty") || "no git",
  start(protocol, hop) {
    const disco = join(hop.folder, "disco");
    mkdirSync(disco);
    writeFileSync(join(disco, hop.name), hop.endpoints.map((port) => `127.0.0.1 ${port}\n`).join(""));
    const file = writeConfiguration(fairlead.files[protocol], hop);
    return start([process.execPath, join(ROOT, "bin", "fairlead"), "run", file], {});
  },
};

const haproxy: ProxyKind = {
  name: "haproxy",
  title: "HAProxy",
  files: { http: "haproxy-http.cfg", grpc: "haproxy-grpc.cfg" },
  version: () => versionOf("haproxy", "-v"),
  start(protocol, hop) {
    return start(["haproxy", "-db", "-f", writeConfiguration(haproxy.files[protocol], hop)], {});
  },
};

const nginx: ProxyKind = {
  name: "nginx",
  title: "nginx",
  files: { http: "nginx-http.conf", grpc: "nginx-grpc.conf" },
  version: () => versionOf("nginx", "-v"),
  start(protocol, hop) {
    const file = writeConfiguration(nginx.files[protocol], hop);
    return start(["nginx", "-p", hop.folder, "-e", "stderr", "-c", file], {});
  },
};

export const KINDS: readonly ProxyKind[] = [fairlead, haproxy, nginx];
