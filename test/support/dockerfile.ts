// A Dockerfile read into its instructions, and what of it can be done without Docker: copying and running, below a folder.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, matchesGlob } from "node:path";

export interface Instruction {
  readonly name: string;
  /** All after the name, continued lines joined. */
  readonly text: string;
  readonly line: number;
}

/** What begins with FROM. */
export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = ["FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"];

/** @throws Error for anything it does not know, rather than to overlook it. */
export function readDockerfile(path: string): readonly Stage[] {
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(readFileSync(path, "utf8"))) {
    if (instruction.name !== "FROM") {
      const stage = stages.at(-1) ?? fail(instruction, "stands before FROM");
      stage.instructions.push(instruction);
      continue;
    }
    const [, image, name] = /^(\S+)(?: AS (\w+))?$/.exec(instruction.text) ?? fail(instruction, "is no image");
    stages.push({ image: image ?? "", name, instructions: [] });
  }
  return stages;
}

function* instructionsOf(text: string): Generator<Instruction> {
  let begun: Instruction | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    if (line.startsWith("#") || (line === "" && begun === null)) continue;
    const [, name = "", rest = ""]: readonly string[] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    const whole: Instruction =
      begun === null
        ? { name, text: rest, line: index + 1 }
        : { name: begun.name, line: begun.line, text: `${begun.text}${line.trim()}` };
    if (!KNOWN.includes(whole.name)) fail(whole, "is not known");
    begun = whole.text.endsWith("\\") ? { ...whole, text: whole.text.slice(0, -1) } : null;
    if (begun === null) yield whole;
  }
  if (begun !== null) fail(begun, "is not ended");
}

function fail({ line, name, text }: Instruction, why: string): never {
  throw new Error(`line ${line}: ${name} ${text} ${why}`);
}

/** The words of the exec form, `["node", "x"]`. @throws Error for the form that a shell runs. */
export function words(text: string): readonly string[] {
  const read: unknown = JSON.parse(text);
  if (Array.isArray(read) && read.every((word) => typeof word === "string")) return read;
  throw new Error(`${text} is not a list of strings`);
}

/** A .dockerignore that takes everything away and names what stays. */
export class Context {
  readonly #kept: readonly string[];

  constructor(ignoreFile: string) {
    const [first, ...kept] = readFileSync(ignoreFile, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    if (first !== "*" || !kept.every((line) => /^![^/]+$/.test(line)))
      throw new Error("it does more than to name what stays");
    this.#kept = kept.map((line) => line.slice(1));
  }

  /** What of the root of the clone is sent to Docker. */
  entries(): readonly string[] {
    return readdirSync(".").filter((name) => this.#kept.some((pattern) => matchesGlob(name, pattern)));
  }

  /** Names that no file has. */
  idle(): readonly string[] {
    return this.#kept.filter((pattern) => !readdirSync(".").some((name) => matchesGlob(name, pattern)));
  }
}

/** Stages, each in a folder that is its root. Images have nothing in them here, and commands run outside of any container. */
export class Construction {
  readonly #root: string;
  readonly #context: Context;
  readonly #run: (command: string, folder: string) => boolean;

  /** @param run what to do instead of a command; false has the command run. */
  constructor(root: string, context: Context, run: (command: string, folder: string) => boolean) {
    this.#root = root;
    this.#context = context;
    this.#run = run;
  }

  /** Where a path of a stage lies. */
  place(stage: string, path: string): string {
    return join(this.#root, stage, path);
  }

  build(stage: Stage, name: string): void {
    let folder = "/";
    mkdirSync(this.place(name, folder), { recursive: true });
    for (const { name: what, text } of stage.instructions) {
      if (what === "WORKDIR") mkdirSync(this.place(name, (folder = text)), { recursive: true });
      if (what === "COPY")
        this.#copy(text, (path) => this.place(name, path.startsWith("/") ? path : join(folder, path)));
      if (what === "RUN" && !this.#run(text, this.place(name, folder))) shell(text, this.place(name, folder));
    }
  }

  #copy(text: string, place: (path: string) => string): void {
    const [, from, list = ""] = /^(?:--from=(\w+) )?(.*)$/.exec(text) ?? [];
    const sources = list.split(" ");
    const to = sources.pop() ?? "";
    for (const source of sources) {
      const target = place(to.endsWith("/") ? join(to, basename(source)) : to);
      if (from !== undefined) cpSync(this.place(from, source), target, { recursive: true });
      else this.#copyFromContext(source, target);
    }
  }

  #copyFromContext(source: string, target: string): void {
    const entries = this.#context.entries();
    if (source !== "." && !entries.includes(source.split("/")[0] ?? ""))
      throw new Error(`${source} is not sent to Docker`);
    if (source !== "." && !existsSync(source)) throw new Error(`there is no ${source}`);
    for (const path of source === "." ? entries : [source])
      cpSync(path, source === "." ? join(target, path) : target, { recursive: true });
  }
}

function shell(command: string, cwd: string): void {
  const { error, status, stderr, stdout } = spawnSync("sh", ["-c", command], { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${stdout}${stderr}${String(error ?? "")}`);
}
