// Prints the table of docs/cancellation.md from what the interoperability tests hold the servers to.
import { readFileSync } from "node:fs";
import { type Server, SERVERS, type Way } from "../../test/interop/cases/cancel-table.ts";

const PATH = "docs/cancellation.md";
const TABLE = /(?<=<!-- (?<protocol>\S+):begin -->\n)[^]*?(?=<!-- \S+:end -->)/g;

export function generated(): ReadonlyMap<string, string> {
  const written = readFileSync(PATH, "utf8");
  for (const { protocol } of SERVERS)
    if (!written.includes(`<!-- ${protocol}:begin -->`)) throw new Error(`${PATH} has no place for ${protocol}`);
  return new Map([[PATH, written.replace(TABLE, (_table, protocol: string) => table(protocol))]]);
}

function table(protocol: string): string {
  const rows = SERVERS.filter((server) => server.protocol === protocol).flatMap(rowsOf);
  return `| language | server | what the handler does | its work stops |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function rowsOf({ language, name, ways }: Server): string[] {
  const row = ({ by, told }: Way) => `| ${language} | ${name} | ${by} | ${told ?? "**never**"} |`;
  return ways.map(row);
}
