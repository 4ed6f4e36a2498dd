// The command line: finds the command, reads its arguments, runs it. Returns the exit code.
import { existsSync } from "node:fs";
import { type Command, CommandProblem, Exit } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

/** Runs one command line, program name excluded. Resolves to the exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    return await dispatch(argv, terminal);
  } catch (problem) {
    if (!(problem instanceof CommandProblem)) throw problem;
    if (argv.includes("--json")) terminal.out(`${JSON.stringify({ error: problem.message }, null, 2)}\n`);
    terminal.err(`fairlead: ${problem.message}\n`);
    return problem.exitCode;
  }
}

async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [first] = argv;
  if (first === undefined) {
    const { overview } = await import("./help.ts");
    terminal.err(overview(terminal));
    return Exit.usage;
  }
  if (first === "--version" || first === "-v") return printVersion(terminal);
  if (isHelp(first) || first === "help") return printHelp(argv.slice(1), terminal);
  return runCommand(argv, terminal);
}

async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const words = commandWords(argv);
  const command = commandOf(words);
  if (command === undefined) throw await unknownCommand(argv);
  const rest = argv.slice(words.length);
  if (asksForHelp(rest)) return printHelp(words, terminal);
  const { readArguments } = await import("./arguments.ts");
  const given = readArguments(command, rest);
  const action = await command.load();
  return action(given, terminal);
}

/** The longest beginning that is a command, or nothing. */
function commandWords(argv: readonly string[]): readonly string[] {
  const lengths = [2, 1];
  const length = lengths.find((words) => commandOf(argv.slice(0, words)) !== undefined);
  return argv.slice(0, length ?? 0);
}

function commandOf(words: readonly string[]): Command | undefined {
  return COMMANDS.find(({ name }) => name === words.join(" "));
}

async function unknownCommand(argv: readonly string[]): Promise<CommandProblem> {
  const { nearest } = await import("../config/suggest.ts");
  const [first = ""] = argv;
  const written = first === "dtab" ? argv.slice(0, 2).join(" ") : first;
  const names = COMMANDS.map(({ name }) => name);
  const near = nearest(written, names) ?? names.find((name) => name.startsWith(`${first} `)) ?? null;
  if (near !== null) return new CommandProblem(`there is no command "${written}"; did you mean fairlead ${near}?`);
  // Linkerd 1.x took the file as its only argument.
  if (existsSync(first)) return new CommandProblem(`"${first}" is no command; to run it write fairlead run ${first}`);
  return new CommandProblem(`there is no command "${written}"; fairlead --help lists them`);
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

/** `--help` anywhere before `--`, which ends the options. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).some(isHelp);
}

async function printHelp(words: readonly string[], terminal: Terminal): Promise<number> {
  const { overview, commandHelp } = await import("./help.ts");
  const command = commandOf(commandWords(words));
  if (command === undefined && words.length > 0) throw await unknownCommand(words);
  terminal.out(command === undefined ? overview(terminal) : commandHelp(command, terminal));
  return Exit.ok;
}

async function printVersion(terminal: Terminal): Promise<number> {
  const { version } = await import("../app/version.ts");
  terminal.out(`fairlead ${version()}\n`);
  return Exit.ok;
}
