// docs/migration-from-linkerd.md is followed, command by command, with a proxy that stands in for Linkerd 1.x.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { freePorts, Program } from "../support/program.ts";

const page = readFileSync("docs/migration-from-linkerd.md", "utf8");

/** The code blocks of a language. */
function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].filter((m) => m[1] === language).map((m) => m[2] ?? "");
}

/** Runs a shell script to its end, and then whatever it left running. */
async function run(script: string, folder: string): Promise<{ code: number | null; out: string; err: string }> {
  const environment = { ...process.env, PATH: `${folder}/bin:${process.env["PATH"]}` };
  const child = spawn("sh", ["-eu", "-c", script], { cwd: folder, env: environment, detached: true });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const code = await new Promise<number | null>((done) => void child.on("exit", done));
  if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM"); // its group: the proxy it put into the background
  await new Promise((done) => void child.on("close", done));
  return { code, out, err };
}

test("The commands of the migration page lead from one proxy to the other", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-migration-"));
  const service = createServer((request, response) =>
    response.end(`web got ${String(request.headers["l5d-dst-service"])}\n`),
  );
  await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
  try {
    const [old = 0, beside = 0, oldAdmin = 0, besideAdmin = 0] = await freePorts(4);
    const ports: Readonly<Record<string, number>> = { 4140: old, 5140: beside, 9990: oldAdmin, 9991: besideAdmin };
    const here = (text: string) => text.replaceAll(/\b(?:4140|5140|9990|9991)\b/g, (port) => String(ports[port]));
    mkdirSync(join(folder, "bin"));
    writeFileSync(
      join(folder, "bin/fairlead"),
      `#!/bin/sh\nexec '${process.execPath}' '${resolve("bin/fairlead")}' "$@"\n`,
    );
    chmodSync(join(folder, "bin/fairlead"), 0o755);
    mkdirSync(join(folder, "disco"));
    writeFileSync(join(folder, "disco/web"), `127.0.0.1 ${(service.address() as AddressInfo).port}\n`); // it listens on a port
    const [file = ""] = blocks("yaml");
    writeFileSync(join(folder, "linkerd.yaml"), here(file));
    // As it would be beside a Linkerd: the same file, found from anywhere.
    const linkerd = join(folder, "as-linkerd.yaml");
    writeFileSync(linkerd, here(file).replace("rootDir: disco", `rootDir: ${join(folder, "disco")}`));
    await using standIn = new Program(["run", linkerd]);
    await standIn.said("is ready");
    const script = blocks("sh").join("\n");
    const { code, err, out } = await run(`${here(script)}\necho "all done"`, folder);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("linkerd.yaml can be run unchanged.");
    expect(out.match(/web got \/svc\/web/g)?.length).toBe(3);
    expect(out.match(/"rt\/outgoing\/service\/svc\/web\/requests": *1\b/g)?.length).toBe(2);
    expect(out.match(/^rt:service:success\{rt="outgoing", service="svc\/web"\} 1$/gm)?.length).toBe(2);
    expect(out).toMatch(/^> \/svc\/web$/m);
    expect(out).toMatch(/all done\n$/);
    const delegation = (port: number): unknown =>
      JSON.parse(readFileSync(join(folder, `delegation-${port}.json`), "utf8"));
    expect(delegation(oldAdmin)).toEqual(delegation(besideAdmin));
    expect(await standIn.end()).toBe(0);
  } finally {
    service.close();
    service.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
});
