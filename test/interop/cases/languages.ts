// Peers that are a language: its services behind fairlead, and its clients in front of it.
import { join } from "node:path";
import { type Launch, type Peer, program, type Stage } from "../stage.ts";
import { checkService } from "./service.ts";

/** Starts a service and runs the cases every service has. */
async function service(stage: Stage, name: string, start: (port: number) => Launch): Promise<void> {
  await stage.serve(name, start);
  await checkService(stage, name);
}

export const node: Peer = {
  name: "Node",
  named: true,
  needs: [],
  async run(stage) {
    await stage.serveNode("node");
    await checkService(stage, "node");
    await stage.client(process.execPath, [program("clients/node.mjs")]);
  },
};

export const php: Peer = {
  name: "PHP",
  named: true,
  needs: [
    { probes: [["php", "-r", "exit(function_exists('curl_init') ? 0 : 1);"]], packages: ["php-cli", "php-curl"] },
  ],
  async run(stage, command) {
    const env = { PHP_CLI_SERVER_WORKERS: "4" };
    await service(stage, "php", (port) => {
      return { command, args: ["-q", "-S", `127.0.0.1:${port}`, program("services/php.php")], env };
    });
    await stage.client(command, [program("clients/php.php")]);
  },
};

export const python: Peer = {
  name: "Python",
  named: true,
  needs: [{ probes: [["python3", "--version"]], packages: ["python3"] }],
  async run(stage, command) {
    for (const [name, version] of [
      ["python", "HTTP/1.0"],
      ["python-1.1", "HTTP/1.1"],
    ] as const) {
      const env = { VERSION: version };
      await service(stage, name, () => ({ command, args: [program("services/python.py")], env }));
    }
    await stage.client(command, [program("clients/python.py")]);
  },
};

export const go: Peer = {
  name: "Go",
  named: true,
  needs: [{ probes: [["go", "version"]], packages: ["golang-go"] }],
  async run(stage, command) {
    const directory = stage.directory("go");
    const build = async (kind: "services" | "clients") => {
      const binary = join(directory, kind);
      const args = ["build", "-o", binary, program(`${kind}/go.go`)];
      const { code, stderr } = await stage.processes.run(command, args, { timeoutMs: 180_000 });
      if (code !== 0) throw new Error(`go build: ${stderr}`);
      return binary;
    };
    const binary = await build("services");
    await service(stage, "go", () => ({ command: binary, args: [] }));
    await stage.client(await build("clients"), []);
  },
};

export const ruby: Peer = {
  name: "Ruby",
  named: false,
  needs: [{ probes: [["ruby", "-rwebrick", "-e", ""]], packages: ["ruby", "ruby-webrick"] }],
  async run(stage, command) {
    await service(stage, "ruby", () => ({ command, args: [program("services/ruby.rb")] }));
    await stage.client(command, [program("clients/ruby.rb")]);
  },
};

export const java: Peer = {
  name: "Java",
  named: false,
  // Only where there is a JDK: it is large to install for a peer that no issue names.
  needs: [{ probes: [["java", "--describe-module", "jdk.compiler"]], packages: [] }],
  async run(stage, command) {
    await service(stage, "java", () => ({ command, args: [program("services/java.java")] }));
    await stage.client(command, [program("clients/java.java")]);
  },
};
