// Reads the arguments of a command, and says what is wrong with them.
import { parseArgs } from "node:util";
import { nearest } from "../config/suggest.ts";
import { type Command, CommandProblem, Given } from "./command.ts";

/** @throws CommandProblem for anything the command does not know or misses. */
export function readArguments(command: Command, args: readonly string[]): Given {
  const operands: string[] = [];
  const options = new Map<string, string | true>();
  for (const token of tokensOf(command, args)) {
    if (token.kind === "positional") operands.push(token.value);
    else if (token.kind === "option") takeOption(command, token, options);
  }
  checkOperands(command, operands);
  return new Given(operands, options);
}

interface OptionToken {
  readonly name: string;
  /** As it was written. */
  readonly rawName: string;
  readonly value?: string | undefined;
}

/** Not strict: the complaints of `parseArgs` know no suggestions. */
function tokensOf(command: Command, args: readonly string[]) {
  const entries = Object.entries(command.options).map(([name, { value }]) => {
    const type: "boolean" | "string" = value === undefined ? "boolean" : "string";
    return [name, { type }] as const;
  });
  const options = Object.fromEntries(entries);
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function takeOption(command: Command, token: OptionToken, into: Map<string, string | true>): void {
  const { name, rawName, value } = token;
  const option = Object.hasOwn(command.options, name) ? command.options[name] : undefined;
  if (option === undefined) throw new CommandProblem(unknownOption(command, rawName));
  if (into.has(name)) throw new CommandProblem(`--${name} is given twice`);
  if (option.value === undefined && value !== undefined) throw new CommandProblem(`--${name} takes no value`);
  if (option.value !== undefined && value === undefined)
    throw new CommandProblem(`--${name} needs a value: --${name} ${option.value}`);
  into.set(name, value ?? true);
}

function unknownOption(command: Command, written: string): string {
  const shown = Object.entries(command.options).filter(([, option]) => option.hidden !== true);
  const known = shown.map(([name]) => `--${name}`);
  const near = nearest(written, [...known, "--help"]);
  const advice = near === null ? `see fairlead ${command.name} --help` : `did you mean ${near}?`;
  return `${command.name} has no option ${written}; ${advice}`;
}

function checkOperands({ name, operands: known }: Command, given: readonly string[]): void {
  const missing = known.find((operand, at) => operand.optional !== true && given[at] === undefined);
  if (missing !== undefined) throw new CommandProblem(`${name} needs ${missing.name}: ${missing.doc}`);
  const extra = given[known.length];
  if (extra !== undefined) {
    const takes = known.length === 0 ? "no operands" : `only ${known.map((operand) => operand.name).join(" and ")}`;
    throw new CommandProblem(
      `${name} takes ${takes}, so what is ${JSON.stringify(extra)}? Quote values with blanks in them`,
    );
  }
}
