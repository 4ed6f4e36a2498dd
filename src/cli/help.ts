// Help, printed from the table of commands.
import { type Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import type { Terminal } from "./terminal.ts";

/** What `fairlead --help` prints. */
export function overview({ paint }: Terminal): string {
  const lines = COMMANDS.map((command) => [`${command.name}${operandsOf(command)}`, command.doc] as const);
  return [
    "fairlead routes HTTP requests by logical name. It reads Linkerd 1.x configuration.\n\n",
    `${paint("bold", "Commands")}\n${columns(lines)}\n`,
    `${paint("bold", "Options")}\n${columns([
      ["--help", "This; after a command, that command's own."],
      ["--version", "The version of this program."],
    ])}\n`,
    `${paint("bold", "Examples")}\n`,
    ...COMMANDS.flatMap(({ examples }) => examples.slice(0, 1)).map(({ line }) => `  ${line}\n`),
  ].join("");
}

/** What `fairlead COMMAND --help` prints. */
export function commandHelp(command: Command, { paint }: Terminal): string {
  const options = Object.entries(command.options)
    .filter(([, option]) => option.hidden !== true)
    .map(([name, { value, doc }]) => [`--${name}${value === undefined ? "" : ` ${value}`}`, doc] as const);
  const operands = command.operands.map(({ name, doc }) => [name, doc] as const);
  const examples = command.examples.map(({ line, says }) => `  ${line}\n${paint("dim", `      ${says}`)}\n`);
  return [
    `${paint("bold", "Usage")}  fairlead ${command.name}${options.length === 0 ? "" : " [options]"}${operandsOf(command)}\n\n`,
    `${command.doc}\n${command.details === undefined ? "" : `${command.details}\n`}\n`,
    columns([...operands, ...options, ["--help", "Prints this."]]),
    `\n${paint("bold", "Examples")}\n${examples.join("")}`,
  ].join("");
}

function operandsOf({ operands }: Command): string {
  return operands.map(({ name, optional }) => (optional === true ? ` [${name}]` : ` ${name}`)).join("");
}

function columns(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}
