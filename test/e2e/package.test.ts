import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { residentBytes } from "../support/process-state.ts";
import { ask, freePorts, Program } from "../support/program.ts";
import { Line } from "../support/restarting.ts";

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

/** Compiled code is written to the cache 2 s after the start. */
const REST_MS = 3_000;
const TAKEN = "{bin,src,tools,docs,examples,package.json,tsconfig*.json,LICENSE,NOTICE,*.md}";

let base: string;
/** Where the package lies as npm would install it: its tarball unpacked, its dependencies beside it. */
let installed: string;

/** Packs a copy of the project with npm itself, so that the working tree keeps its dist/. */
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "fairlead-package-"));
  const copy = join(base, "copy");
  for (const name of globSync(TAKEN)) cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  succeed("npm", ["pack", "--pack-destination", base], copy);
  succeed("tar", ["xzf", globSync(join(base, "*.tgz"))[0] ?? "no tarball"], base);
  installed = join(base, "user/node_modules/fairlead");
  mkdirSync(join(base, "user/node_modules"), { recursive: true });
  cpSync(join(base, "package"), installed, { recursive: true });
}, 60_000);

afterAll(() => rmSync(base, { recursive: true }));

function succeed(command: string, args: readonly string[], cwd: string): string {
  const run = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (run.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${run.stdout}${run.stderr}${String(run.error ?? "")}`);
  return run.stdout;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Manifest; // our own package.json
}

test("The package brings no Node of its own, needs nothing else and asks for Node 24", () => {
  const { dependencies, optionalDependencies, engines } = manifest();
  expect({ ...dependencies, ...optionalDependencies }).toEqual({});
  expect(engines.node).toBe(">=24");
});

test("The package holds compiled code with its types, and neither sources nor tests nor tools", () => {
  expect(existsSync(join(installed, "dist/cli/main.js"))).toBe(true);
  expect(existsSync(join(installed, "dist/app/index.js"))).toBe(true);
  expect(existsSync(join(installed, "dist/app/index.d.ts"))).toBe(true);
  expect(readFileSync(join(installed, "dist/licences/yaml.txt"), "utf8")).toContain("Eemeli Aro");
  expect(globSync("{src,test,tools,bench}", { cwd: installed })).toEqual([]);
  expect(globSync("dist/**/*.test.*", { cwd: installed })).toEqual([]);
});

test("Compiled code is ASCII, which V8 keeps in half the memory", () => {
  const compiled = globSync("dist/**/*.js", { cwd: installed });
  expect(compiled.length).toBeGreaterThan(3);
  expect(compiled.filter((name) => /[^\0-\x7f]/.test(readFileSync(join(installed, name), "utf8")))).toEqual([]);
});

test("What is installed puts another process in its place, threads and all", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const routers = [{ protocol: "http", dtab: "", servers: [{ port }] }];
  const program = new Program(["run", "-"], {
    program: join(installed, "bin/fairlead"),
    input: JSON.stringify({ workers: 2, admin: { port: adminPort }, routers }),
  });
  await using line = Line.of(program, adminPort);
  await program.said("is ready");
  for (let i = 0; i < 2; i++) {
    await line.ended(await line.restart());
    expect((await ask(port, { host: "web" })).status).toBe(502); // nobody has such a name, says the one that serves
  }
  await line.stop();
});

test.skipIf(process.platform !== "linux" || process.arch !== "x64")(
  "At rest a proxy that has served takes no more than 70 MB",
  async () => {
    const service = createServer((_request, response) => void response.end("ok"));
    await new Promise<void>((done) => void service.listen(0, "127.0.0.1", done));
    const dtab = `/svc/web => /$/inet/127.0.0.1/${(service.address() as AddressInfo).port}`; // it listens on a port
    const resting = async () => {
      const [port = 0, admin = 0] = await freePorts(2);
      await using program = new Program(["run", "-"], {
        program: join(installed, "bin/fairlead"),
        environment: { XDG_CACHE_HOME: join(base, "cache") },
        input: JSON.stringify({ admin: { port: admin }, routers: [{ protocol: "http", dtab, servers: [{ port }] }] }),
      });
      await program.said("is ready");
      expect((await ask(port, { host: "web" })).status).toBe(200);
      await new Promise((later) => {
        setTimeout(later, REST_MS);
      });
      const bytes = residentBytes(program.pid);
      program.signal("SIGTERM"); // what it compiled is kept
      await program.end();
      return bytes;
    };
    await resting(); // fills the cache of compiled code
    const starts = [await resting(), await resting(), await resting()].toSorted((a, b) => a - b);
    service.close();
    service.closeAllConnections();
    expect(starts[1]).toBeLessThan(70e6);
  },
  60_000,
);

test("The installed command runs and knows its version", () => {
  expect(succeed(process.execPath, [join(installed, "bin/fairlead"), "--version"], base)).toContain(manifest().version);
});

test("The installed command serves with two workers, and reads its file again", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(base, "workers.json");
  const write = (dtab: string) => {
    const routers = [{ protocol: "http", dtab, servers: [{ port }] }];
    writeFileSync(file, JSON.stringify({ admin: { port: adminPort }, workers: 2, routers }));
  };
  write("/svc => /nowhere");
  await using program = new Program(["run", file], { program: join(installed, "bin/fairlead") });
  await program.said("is ready");
  expect(JSON.parse((await ask(adminPort, {}, "/workers.json")).text)).toMatchObject([
    { index: 0, state: "serving" },
    { index: 1, state: "serving" },
  ]);
  write(`/svc => /$/inet/127.0.0.1/${adminPort}`);
  await ask(adminPort, {}, "/admin/reload", "POST");
  for (let i = 0; i < 8; i++) expect((await ask(port, { Host: "localhost" }, "/admin/ping")).text).toBe("pong");
  program.signal("SIGTERM");
  expect(await program.end()).toBe(0);
});

test("The installed command reads YAML, and the library can be imported", () => {
  const command = join(installed, "bin/fairlead");
  const example = join(installed, "examples/http.json");
  expect(succeed(process.execPath, [command, "check", example], base)).toContain("can be used");
  expect(succeed(process.execPath, [command, "check", join(installed, "examples/prometheus.yaml")], base)).toContain(
    "can be used",
  );
  const script = 'import * as fairlead from "fairlead"; console.log(Object.keys(fairlead).sort().join());';
  const exported = succeed(process.execPath, ["--input-type=module", "-e", script], join(installed, "../.."));
  expect(exported).toContain("start");
});

test("The installed package runs plug-ins: TypeScript beside the configuration, and compiled ones that are installed", () => {
  const user = join(installed, "../..");
  cpSync("examples/plugins", join(user, "plugins"), { recursive: true });
  const packaged = join(user, "node_modules/fairlead-plugin-acme");
  mkdirSync(packaged);
  for (const file of globSync("examples/plugins/acme/*.ts")) {
    const compiled = stripTypeScriptTypes(readFileSync(file, "utf8")).replaceAll(/(from "\.\/.*)\.ts"/g, '$1.js"');
    writeFileSync(join(packaged, basename(file, ".ts").concat(".js")), compiled);
  }
  writeFileSync(
    join(packaged, "package.json"),
    '{"name": "fairlead-plugin-acme", "type": "module", "exports": "./index.js"}',
  );
  const written = readFileSync("examples/plugins/acme.yaml", "utf8");
  writeFileSync(join(user, "installed.yaml"), written.replace("./acme/index.ts", "fairlead-plugin-acme"));
  const command = join(installed, "bin/fairlead");
  for (const file of ["plugins/acme.yaml", "installed.yaml"]) {
    expect(succeed(process.execPath, [command, "check", join(user, file)], base)).toContain("acme.hosts");
  }
  expect(readFileSync(join(installed, "dist/plugin/index.d.ts"), "utf8")).toContain("definePlugin");
});

test.each([1, 2])(
  "The installed library with workers: %i has plug-ins work on the very classes that the proxy knows",
  (workers) => {
    const script = `
    import { startLinker } from "fairlead";
    const text = JSON.stringify({ fairlead: 1, workers: ${workers}, plugins: ["./plugins/acme/index.ts"], admin: { port: 0 },
      namers: [{ kind: "acme.hosts", file: "plugins/hosts.json" }],
      routers: [{ protocol: "http", servers: [{ port: 0 }], dtab: "/svc => /#/acme.hosts",
        identifier: [{ kind: "acme.tenant", known: ["none"] }], filters: [{ kind: "acme.tickets" }] }] });
    let log = "";
    const linker = await startLinker(text, { writeLog: (line) => void (log += line) });
    const [, port] = /serving http on 127.0.0.1:([0-9]+)/.exec(log);
    const ask = async (headers) => (await fetch("http://127.0.0.1:" + port, { headers })).headers.get("fairlead-cause");
    console.log([await ask({}), await ask({ "x-ticket": "1", "x-tenant": "none" })].join(" "));
    await linker.stop(100);`;
    const user = join(installed, "../..");
    writeFileSync(join(user, "library.mjs"), script);
    expect(succeed(process.execPath, ["library.mjs"], user)).toBe(
      "proxy.plugin.refused;status=403;kind=acme.tickets proxy.bind.no-such-name;service=/svc/tenants/none\n",
    );
  },
);

test("A plug-in in TypeScript is checked against the types of the installed package alone", () => {
  const user = join(installed, "../..");
  cpSync("examples/plugins", join(user, "typed"), { recursive: true });
  symlinkSync(resolve("node_modules/@types"), join(user, "node_modules/@types"));
  const compilerOptions = {
    ...{ strict: true, noEmit: true, module: "nodenext", target: "es2024", types: ["node"] },
    ...{
      lib: ["es2024", "esnext.disposable", "esnext.iterator"],
      allowImportingTsExtensions: true,
      skipLibCheck: false,
    },
  };
  const include = ["typed/acme/*.ts", "typed/resp/index.ts"];
  writeFileSync(join(user, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
  const tsc = resolve("node_modules/typescript/bin/tsc");
  expect(succeed(process.execPath, [tsc, "--project", "."], user)).toBe("");
  writeFileSync(
    join(user, "typed/acme/wrong.ts"),
    `import { defineFilter, int } from "fairlead/plugin";
     export const f = defineFilter({ doc: "", keys: { most: int({ doc: "", default: 1 }) }, make: ({ most }) => ({ down: () => most.length }) });`,
  );
  expect(() => succeed(process.execPath, [tsc, "--project", "."], user)).toThrow(
    "'length' does not exist on type 'number'",
  );
});

test("The installed command reloads its configuration: the file of the reading thread is found from the compiled code", async () => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const file = join(base, "reload.yaml");
  const written = (more: string) =>
    `admin: { port: ${adminPort} }\nrouters:\n- protocol: http\n  servers: [{ port: ${port} }]\n${more}`;
  writeFileSync(file, written(""));
  await using program = new Program(["run", file], { program: join(installed, "bin/fairlead") });
  await program.said("is ready");
  writeFileSync(file, written("  bindingTimeoutMs: 1234\n"));
  const reloaded = await ask(adminPort, {}, "/admin/reload", "POST");
  expect([reloaded.status, (await ask(adminPort, {}, "/config.json")).text]).toEqual([
    200,
    expect.stringContaining("1234"),
  ]);
  writeFileSync(file, written("  bindingTimeoutMs: soon\n"));
  const refused = await ask(adminPort, {}, "/admin/reload", "POST");
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining("reload.yaml:5")]);
});
