// Asks the admin server of a running proxy.
import type { Path } from "../core/path.ts";
import type { Delegation } from "../naming/delegation.ts";
import { CommandProblem, Exit } from "./command.ts";

const TIMEOUT_MS = 5000;

/** How the running proxy at `host:port` resolves `path`. @throws CommandProblem when it does not say. */
export async function askAdmin(
  address: string,
  path: Path,
  router: string | undefined,
  override: string | undefined,
): Promise<Delegation> {
  const parameters = new URLSearchParams({ path: path.show() });
  if (router !== undefined) parameters.set("namespace", router);
  if (override !== undefined) parameters.set("override", override);
  const url = `${baseUrl(address)}/delegator.json?${parameters.toString()}`;
  const answer = await ask(url, address);
  const text = await answer.text();
  if (!answer.ok)
    throw new CommandProblem(`${address} answered ${answer.status}: ${text.trim().slice(0, 1000)}`, Exit.failed);
  return parsed(text, address);
}

function baseUrl(address: string): string {
  const base = /^https?:\/\//.test(address) ? address.replace(/\/+$/, "") : `http://${address}`;
  if (!URL.canParse(base)) throw new CommandProblem(`--admin: "${address}" is no HOST:PORT such as 127.0.0.1:9990`);
  return base;
}

async function ask(url: string, address: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw new CommandProblem(`${address} does not answer: ${reasonOf(error)}`, Exit.failed);
  }
}

/** `fetch` says only "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}

function parsed(text: string, address: string): Delegation {
  try {
    const tree: unknown = JSON.parse(text);
    if (typeof tree === "object" && tree !== null && "type" in tree && "path" in tree) return tree as Delegation; // as documented for /delegator.json
  } catch {
    // Told below, with whatever else is no explanation.
  }
  throw new CommandProblem(`${address} did not answer with an explanation; is it the admin server?`, Exit.failed);
}
