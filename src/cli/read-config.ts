// Reads the configuration that a command names.
import { readFile } from "node:fs/promises";
import type { ConfigOptions, LinkerConfig, LoadedConfig } from "../app/config.ts";
import { BUILT_IN, FORWARD_PROXY } from "../app/starting-points.ts";
import { renderProblems } from "../config/problems.ts";
import { CommandProblem, Exit } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** What problems call standard input. */
const STDIN = "<stdin>";

/**
 * Reads and checks a configuration.
 * @param file a path, or `-` for standard input.
 * @throws CommandProblem when it cannot be read at all.
 */
export async function readConfig(file: string, expandEnv: boolean, terminal: Terminal): Promise<LoadedConfig> {
  return (await readWhole(file, expandEnv, terminal)).loaded;
}

async function readWhole(file: string, expandEnv: boolean, terminal: Terminal): Promise<ReadFile> {
  const text = file === "-" ? await terminal.read() : await readText(file);
  const { loadConfig } = await import("../app/config.ts");
  const options = { file: file === "-" ? STDIN : file, environment: terminal.environment, expandEnv };
  return { text, options, loaded: await loadConfig(text, options) };
}

interface ReadFile {
  readonly text: string;
  readonly options: ConfigOptions;
  readonly loaded: LoadedConfig;
}

/** A configuration that can be used, and what it was read from. */
export interface UsableFile extends Omit<ReadFile, "loaded"> {
  readonly config: LinkerConfig;
}

/**
 * A configuration that can be used; its warnings have been printed.
 * @throws CommandProblem for one that cannot be used, after its problems have been printed.
 */
export async function usableConfig(file: string, expandEnv: boolean, terminal: Terminal): Promise<LinkerConfig> {
  return (await usableFile(file, expandEnv, terminal)).config;
}

/** The same with its text, for whoever will read the file again. */
export async function usableFile(file: string, expandEnv: boolean, terminal: Terminal): Promise<UsableFile> {
  const { loaded, options, text } = await readWhole(file, expandEnv, terminal);
  const { config, problems } = loaded;
  terminal.err(renderProblems(problems));
  if (config === null) throw new CommandProblem(unusable(file, problems), Exit.failed);
  return { config, options, text };
}

/** The configuration of a proxy that was given none. */
export async function builtInConfig(): Promise<LinkerConfig> {
  const { loadConfig } = await import("../app/config.ts");
  const { config } = await loadConfig(FORWARD_PROXY, { file: BUILT_IN, environment: {} });
  if (config === null) throw new Error("the built-in configuration cannot be used"); // a test reads it
  return config;
}

/** One line: how much is wrong. */
export function unusable(file: string, problems: LoadedConfig["problems"]): string {
  const errors = problems.filter((problem) => problem.severity === "error").length;
  return `${file === "-" ? STDIN : file} cannot be used: ${errors} ${errors === 1 ? "problem" : "problems"}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a directory",
  EACCES: "permission denied",
  ENOTDIR: "a part of the path is no directory",
};

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException; // node:fs rejects with nothing else
    throw new CommandProblem(`${file} cannot be read: ${REASONS[code] ?? message}`, Exit.failed);
  }
}
