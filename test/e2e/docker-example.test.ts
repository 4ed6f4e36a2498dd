// examples/docker without Docker: the Dockerfile's steps are taken below a folder, and the compose file's programs run as processes of
// this machine, where dtab entries play the part of Docker's DNS. What other programs say of both files: test/interop/cases/docker.ts.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../src/app/config.ts";
import { Construction, Context, type Instruction, readDockerfile, type Stage, words } from "../support/dockerfile.ts";
import { ask, freePorts, until } from "../support/program.ts";

const HERE = "examples/docker";
const FILE = "/etc/fairlead/fairlead.yaml";

/** What the tests look at in a service of the compose file. */
interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly user?: string;
  readonly stop_grace_period?: string;
}

const stages = readDockerfile(`${HERE}/Dockerfile`);
const image = stages.at(-1) ?? expect.fail("it has no stage");
const context = new Context(`${HERE}/Dockerfile.dockerignore`);
const { services } = parse(readFileSync(`${HERE}/compose.yaml`, "utf8")) as {
  readonly services: Readonly<Record<"fairlead" | "web" | "users" | "users-staging", Service>>;
};

const folder = mkdtempSync(join(tmpdir(), "fairlead-docker-"));
const started: ChildProcess[] = [];
/** The last stage is the folder `image`. */
const construction = new Construction(folder, context, installHere);

beforeAll(() => {
  for (const stage of stages) construction.build(stage, stage.name ?? "image");
}, 60_000);

afterAll(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(folder, { recursive: true });
});

/** What `npm ci` would bring is here already; all that it reads must have been copied. */
function installHere(command: string, at: string): boolean {
  if (command !== "npm ci") return false;
  const { workspaces } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly workspaces: readonly string[] }; // ours
  for (const path of [
    "package.json",
    "package-lock.json",
    ".npmrc",
    ...workspaces.map((name) => `${name}/package.json`),
  ])
    expect(existsSync(join(at, path)), path).toBe(true);
  symlinkSync(resolve("node_modules"), join(at, "node_modules"));
  return true;
}

function all(stage: Stage, name: string): readonly Instruction[] {
  return stage.instructions.filter((instruction) => instruction.name === name);
}

function only(name: string): string {
  const [first, ...others] = all(image, name);
  expect(others, name).toEqual([]);
  return first?.text ?? expect.fail(`there is no ${name}`);
}

/** A command of the image as one of this machine. */
function here(command: readonly string[], file = FILE): string[] {
  return command.map((word) =>
    word === "node"
      ? process.execPath
      : word.startsWith("/opt/")
        ? construction.place("image", word)
        : word === FILE
          ? file
          : word,
  );
}

function start(
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; said(): string } {
  const [program = "", ...args] = command;
  const child = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  started.push(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (more: string) => (text += more));
  return { child, said: () => text };
}

test("the images are of the pinned version of Node, in every file", () => {
  const pinned = `node:${readFileSync(".node-version", "utf8").trim()}-slim`;
  const used = [...stages.map((stage) => stage.image), ...Object.values(services).map((service) => service.image)];
  expect(new Set(used)).toEqual(new Set([pinned, "fairlead"]));
});

test("the image is not of root, names its commands without a shell, and says what it listens on", async () => {
  expect(Number(only("USER"))).toBeGreaterThan(0);
  expect(all(image, "RUN")).toEqual([]);
  expect(words(only("ENTRYPOINT"))[0]).toBe("node");
  expect(words(only("CMD"))).toEqual(["run", FILE]);
  const { config, problems } = await loadConfig(readFileSync(`${HERE}/fairlead.yaml`, "utf8"), {
    file: FILE,
    environment: {},
  });
  expect(problems).toEqual([]);
  expect(config?.routers.flatMap(({ servers }) => servers.map(({ ip, port }) => `${ip} ${port}`))).toEqual([
    `0.0.0.0 ${only("EXPOSE")}`,
  ]);
  expect(services.fairlead.ports).toEqual([`127.0.0.1:${only("EXPOSE")}:${only("EXPOSE")}`]);
});

test("what is sent to Docker exists, and holds neither git nor what was installed or built", () => {
  expect(context.idle()).toEqual([]);
  expect(context.entries()).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^(\.git|node_modules|dist|bench|test)$/)]),
  );
});

test("the compose file builds this image, mounts files that exist, and waits for fairlead's health", async () => {
  const { build } = services.fairlead;
  expect(resolve(HERE, build?.context ?? "")).toBe(resolve("."));
  expect(resolve(HERE, build?.context ?? "", build?.dockerfile ?? "")).toBe(resolve(HERE, "Dockerfile"));
  for (const service of Object.values(services))
    for (const volume of service.volumes) {
      const [from = "", to = "", mode] = volume.split(":");
      expect(existsSync(join(HERE, from)), volume).toBe(true);
      expect(mode).toBe("ro");
      expect([FILE, ...(service.command ?? [])]).toContain(to);
    }
  expect(services.web.depends_on).toEqual({
    fairlead: { condition: "service_healthy" },
    users: { condition: "service_started" },
  });
  const { config } = await loadConfig(readFileSync(`${HERE}/fairlead.yaml`, "utf8"), { file: FILE, environment: {} });
  const [, seconds] = /^(\d+)s$/.exec(services.fairlead.stop_grace_period ?? "") ?? [];
  expect(Number(seconds) * 1000).toBeGreaterThanOrEqual((config?.admin.shutdownGraceMs ?? Infinity) + 5000);
});

test("the built image and the services run: by name, with an override through web, healthy until the stop", async () => {
  const [port = 0, adminPort = 0, ...ports] = await freePorts(5);
  const names = ["web", "users", "users-staging"] as const;
  const dns = names.map((name, index) => `/dns/8080/${name} => /$/inet/127.0.0.1/${ports[index]};`);
  const file = join(folder, "fairlead.yaml");
  const written = readFileSync(construction.place("image", FILE), "utf8");
  const text = written
    .replace("    servers:", `      ${dns.join("\n      ")}\n    servers:`)
    .replace("port: 4140", `port: ${port}`);
  writeFileSync(file, `${text}admin: { port: ${adminPort} }\n`);

  const [, check = ""] = /^(?:--\S+ )+CMD (.*)$/.exec(only("HEALTHCHECK").replaceAll(/ +/g, " ")) ?? [];
  const healthy = (): number | null => {
    const [program = "", ...args] = here(words(check)).map((word) => word.replace("9990", String(adminPort)));
    return spawnSync(program, args).status;
  };
  expect(healthy()).toBe(1);
  const fairlead = start(here([...words(only("ENTRYPOINT")), ...words(only("CMD"))], file));
  await until(
    () => fairlead.said().includes("is ready") || fairlead.child.exitCode !== null,
    () => `fairlead; it said ${fairlead.said()}`,
  );
  expect(fairlead.said()).toContain("is ready");
  expect(healthy()).toBe(0);

  for (const [index, name] of names.entries()) {
    const { command = [], environment = {} } = services[name];
    const ours = here(command).map((word) =>
      word
        .replace("/service.mjs", resolve("examples/service.mjs"))
        .replace("0.0.0.0:8080", `127.0.0.1:${ports[index]}`),
    );
    const through = Object.entries(environment).map(([key, value]) => [
      key,
      value.replace("fairlead:4140", `127.0.0.1:${port}`),
    ]);
    const service = start(ours, { no_proxy: "", NO_PROXY: "", ...Object.fromEntries(through) });
    await until(
      () => service.said().includes("listens"),
      () => `${name}; it said ${service.said()}`,
    );
  }
  const by = "asked through 1.1 fairlead";
  expect(await ask(port, { Host: "web" })).toEqual({ status: 200, text: `web, ${by}\nusers, ${by}\n` });
  const override = "/svc/users => /svc/users-staging";
  expect((await ask(port, { Host: "web", "l5d-dtab": override })).text).toBe(`web, ${by}\nusers-staging, ${by}\n`);
  expect((await ask(port, { Host: "web" })).text).toBe(`web, ${by}\nusers, ${by}\n`);

  fairlead.child.kill("SIGTERM");
  expect(await once(fairlead.child, "exit")).toEqual([0, null]);
  expect(healthy()).toBe(1);
});
