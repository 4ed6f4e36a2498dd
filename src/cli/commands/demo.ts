// `fairlead demo`: starts the demo, says what to try, ends it.
import { existsSync, realpathSync } from "node:fs";
import { relative, resolve } from "node:path";
import { systemEnv } from "../../base/env.ts";
import { Demo, DemoProblem, LEAVES_AFTER_MS } from "../../demo/demo.ts";
import { onOrphaned } from "../../demo/leash.ts";
import { CHAIN, serveLink, WORK_MS } from "../../demo/search.ts";
import { OVERRIDE } from "../../demo/traffic.ts";
import { CommandProblem, Exit, Given } from "../command.ts";
import type { Terminal } from "../terminal.ts";

export async function demo(given: Given, terminal: Terminal): Promise<number> {
  const port = portOf(given, "port", 4140);
  const part = given.value("part");
  if (part !== undefined) return runPart(part, port, given, terminal);
  const adminPort = portOf(given, "admin-port", 9990);
  if (adminPort === port) throw new CommandProblem("--port and --admin-port must differ");
  const stop = stopSignal();
  try {
    return await present(port, adminPort, stop, terminal);
  } catch (problem) {
    if (problem instanceof DemoProblem) throw new CommandProblem(problem.message.trimEnd(), Exit.failed);
    throw problem;
  }
}

function portOf(given: Given, option: string, otherwise: number): number {
  const written = given.value(option);
  if (written === undefined) return otherwise;
  const port = Number(written);
  if (/^\d{1,5}$/.test(written) && port >= 1 && port <= 65535) return port;
  throw new CommandProblem(`--${option} ${written}: write a port from 1 to 65535`);
}

/** Settled at the first signal; whoever sends a second one is impatient, and everything ends with this process. */
function stopSignal(): Promise<string> {
  const { promise, resolve: told } = Promise.withResolvers<string>();
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (++count > 1) process.exit(Exit.failed);
      told(signal);
    });
  return promise;
}

async function present(port: number, adminPort: number, stop: Promise<string>, terminal: Terminal): Promise<number> {
  await Demo.checkPorts(port, adminPort);
  terminal.out(
    "Starting web, users (twice), users-v2, search, index, shard and a proxy, each in a process of its own …\n",
  );
  await using running = await Demo.start({ program: program(), port, adminPort, env: systemEnv() });
  terminal.out(words(running, port, adminPort, terminal));
  running.onGivenBack = (line) => terminal.out(`${line}: its caller left\n`);
  const broken = running.broken.then((name) => `${name} has ended`);
  const why = await Promise.race([stop, broken]);
  if (!why.startsWith("SIG")) throw new DemoProblem(`${why}, so the demo ends\n${running.log()}`);
  terminal.out("\nStopping …\n");
  return Exit.ok;
}

/** What was started: `bin/fairlead`. */
function program(): string {
  return realpathSync(process.argv[1] ?? ""); // a script is running, so it has a path
}

/** How to call it from here. In a clone it is not on the PATH. */
function programName(): string {
  if (!existsSync(resolve(program(), "../../src"))) return "fairlead";
  const path = relative(process.cwd(), program());
  return path.startsWith("..") ? program() : path;
}

function words(running: Demo, port: number, adminPort: number, { paint }: Terminal): string {
  const at = `127.0.0.1:${port}`;
  const explain = `${programName()} dtab explain --admin 127.0.0.1:${adminPort} --router http`;
  const answer = (text: string) => paint("dim", text.replace(/^/gm, "       ").trimEnd());
  return `
web calls users, and both are found by name through the proxy on ${at}. Try, in another terminal:

${paint("bold", `  1  curl -H 'Host: web' ${at}`)}
${answer(running.plain.text)}

     For this one request users-v2 takes the place of users, although it is web that calls it:

${paint("bold", `  2  curl -H 'Host: web' -H 'l5d-dtab: ${OVERRIDE}' ${at}`)}
${answer(running.overridden.text)}

     The same port speaks HTTP/2, and web gets HTTP/1.1 all the same. Who calls with gRPC is told of a failure in a status of gRPC:

${paint("bold", `  3  curl -i --http2-prior-knowledge -H 'Host: web' ${at}`)}
${paint("bold", `     curl -i --http2-prior-knowledge -H 'Host: nobody' -H 'content-type: application/grpc' -d '' ${at}/shop.Orders/Last`)}

     How the name that web asks for is resolved, step by step, with and without that override:

${paint("bold", `  4  ${explain} /svc/users`)}
${paint("bold", `     ${explain} --override '${OVERRIDE}' /svc/users`)}

     search asks index, which asks shard, each through the proxy; the work takes ${WORK_MS / 1000} s. When the caller leaves, all of them stop. It left
     ${LEAVES_AFTER_MS} ms after shard had begun; when you do, each says here how long it worked:

${paint("bold", `  5  curl -N -m 1 -H 'Host: search' ${at}`)}
${answer(running.givenBack.join("\n"))}

Look at   http://127.0.0.1:${adminPort}/
Read      ${running.config}
Change    ${running.disco}/users: take a line away, and traffic follows at once
How web passes the override on, in three lines: docs/applications.md

Ctrl-C ends all of it.
`;
}

/** One process of the demo: a service, or the proxy. */
async function runPart(part: string, port: number, given: Given, terminal: Terminal): Promise<number> {
  if (part === "proxy") {
    onOrphaned(() => process.kill(process.pid, "SIGTERM"));
    const { run } = await import("./run.ts");
    return run(new Given([given.value("config") ?? ""], new Map()), terminal);
  }
  onOrphaned(() => process.exit(Exit.ok));
  process.send?.(await serve(part, port));
  return new Promise(() => undefined); // until a signal, or the end of the process that started this one
}

async function serve(part: string, port: number): Promise<number> {
  const link = CHAIN.find((one) => one === part);
  if (link !== undefined) return serveLink(link, port, systemEnv(), (stopped) => process.send?.(stopped));
  const { serveUsers } = await import("../../demo/users.ts");
  if (part === "users") return serveUsers(1);
  if (part === "users-v2") return serveUsers(2);
  const { serveWeb } = await import("../../demo/web.ts");
  return serveWeb(port);
}
