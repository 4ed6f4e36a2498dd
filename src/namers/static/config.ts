// Configuration of the `fairlead.static` namer.
import { endpoint, int, mapOf, object, oneOrMany } from "../../config/schema.ts";
import type { NameRule, Partially, Report } from "../../config/spec.ts";
import { parseEndpoint, type WrittenEndpoint } from "../../core/endpoint-text.ts";
import { SyntaxProblem } from "../../core/syntax.ts";
import { namerKeys } from "../../naming/config.ts";

/** Where one name leads, as it is written. */
export interface WrittenAddresses {
  readonly to?: readonly string[] | undefined;
  readonly port?: number | undefined;
}

const about =
  "`host:port`, or several; a weight may follow, as in `10.0.0.1:8080 * 0.5`. A host name is looked up in DNS, again and again; IPv6 stands in brackets.";

/**
 * The keys that say it.
 * @param more what else there is to say about addresses
 */
export function addressKeys(more = "") {
  return {
    to: oneOrMany({ doc: `${about}${more}` }, endpoint({ doc: "One address." })),
    port: int({ doc: "The port of addresses without one.", min: 1, max: 65_535, example: 8080 }),
  };
}

/** An address without a port takes this one; null when there is none. */
export function completed(
  written: string,
  port: number | undefined,
): (WrittenEndpoint & { readonly port: number }) | null {
  const parsed = parseEndpoint(written);
  if (parsed instanceof SyntaxProblem) return null;
  const known = parsed.port ?? port;
  return known === undefined ? null : { ...parsed, port: known };
}

/** Every address has a port, and stands there once. */
export function checkAddresses({ to = [], port }: Partially<WrittenAddresses>, report: Report): void {
  const seen = new Set<string>();
  for (const [index, written] of to.entries()) {
    if (written === undefined || parseEndpoint(written) instanceof SyntaxProblem) continue; // told already
    const address = completed(written, port);
    const at = ["to", ...(to.length === 1 ? [] : [index])];
    const key = address === null ? "" : `${address.host.toLowerCase()} ${address.port}`;
    if (address === null)
      report(at, `${written.trim()} has no port`, `write ${withPort(written)}, or port: beside to:`);
    else if (seen.has(key))
      report(at, `${written.trim()} is listed twice`, "remove one; for more of the traffic write a weight");
    seen.add(key);
  }
}

function withPort(written: string): string {
  const [host = "", ...weight] = written.trim().split(/(?=\s*\*)/);
  return `${host}:8080${weight.join("")}`;
}

const names: NameRule = {
  wrong: (name) => (name === "" || name.includes("/") ? "is no name: it must be one segment of a path" : null),
  instead: "write a name without slashes",
};

export const staticNamer = object(
  { doc: "Endpoints that stand in this file. All of a name are balanced together.", origin: "fairlead" },
  {
    ...namerKeys("fairlead.static"),
    names: mapOf(
      { doc: "The names, and where each leads.", required: true, name: names, example: "users: 127.0.0.1:8080" },
      object(
        {
          doc: "The endpoints of a name.",
          short: "to",
          checks: [checkAddresses, needsAddresses],
        },
        addressKeys(),
      ),
    ),
  },
);

function needsAddresses({ to }: Partially<WrittenAddresses>, report: Report): void {
  if (to === undefined) report([], '"to" is missing', "add to: with one or several addresses");
}
